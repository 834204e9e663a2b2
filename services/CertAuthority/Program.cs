using Overture.CertAuthority;
using Overture.Platform;

return await ServiceHost.Run<CertAuthorityModule, CertAuthorityOptions>(args);
