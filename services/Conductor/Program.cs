using Overture.Conductor;
using Overture.Platform;

return await ServiceHost.Run<ConductorParts, ConductorOptions>(args);
