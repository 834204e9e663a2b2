using Overture.Platform.Certificates;
using Overture.Platform.Faults;

namespace Overture.CertAuthority.Api;

/// <summary>Fields that several requests have.</summary>
internal static class SharedFields
{
    /// <summary>1–500 characters.</summary>
    public static string Reason(string reason) => reason.Trim() is { Length: > 0 and <= 500 } text
        ? text
        : throw FaultException.Invalid("reason", "must have 1-500 characters: it is kept with the record");

    /// <summary>What a serial, as openssl or Puppet prints it, may mean; at least one.</summary>
    public static IReadOnlyList<SerialNumber> Serials(string serial) => SerialNumber.Readings(serial) is { Count: > 0 } readings
        ? readings
        : throw FaultException.Invalid("serial", SerialNumber.Rule);
}
