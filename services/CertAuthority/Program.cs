using Overture.CertAuthority;
using Overture.Platform;

return await ServiceHost.Run<CertAuthorityParts, CertAuthorityOptions>(args);
