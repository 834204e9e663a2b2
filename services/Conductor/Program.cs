using Overture.Conductor;
using Overture.Platform;

return await ServiceHost.Run<ConductorModule, ConductorOptions>(args);
