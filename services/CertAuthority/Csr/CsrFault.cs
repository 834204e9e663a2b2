using Overture.Platform.Faults;

namespace Overture.CertAuthority.Csr;

/// <summary>A request that breaks a rule of form. Sentences hold nothing of the request's own text.</summary>
internal static class CsrFault
{
    public const int MaximumBytes = 16 * 1024;

    public static FaultException Of(Reason reason, string sentence) => new(FaultKind.Invalid, reason, sentence);

    public static FaultException TooLarge() =>
        new(FaultKind.TooLarge, Reason.CsrTooLarge, $"a certificate request may have at most {MaximumBytes} bytes");
}
