using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Overture.Platform.Faults;

namespace Overture.CertAuthority.Csr;

/// <summary>The envelope: exactly one PEM block with the label CERTIFICATE REQUEST and nothing but white space around it.</summary>
internal static class CsrPem
{
    private const string Label = "CERTIFICATE REQUEST";
    private static readonly SearchValues<char> WhiteSpace = SearchValues.Create(" \t\r\n");

    /// <exception cref="FaultException">CSR_TOO_LARGE, CSR_PEM or CSR_PRIVATE_KEY.</exception>
    public static byte[] Read(ReadOnlySpan<byte> body)
    {
        if (body.Length > CsrFault.MaximumBytes)
            throw CsrFault.TooLarge();
        if (body.ContainsAnyExceptInRange((byte)0x09, (byte)0x7E))
            throw CsrFault.Of(Reason.CsrPem, "the body is not PEM");
        var text = Encoding.ASCII.GetString(body);
        if (text.Contains("PRIVATE KEY", StringComparison.Ordinal))
            throw CsrFault.Of(Reason.CsrPrivateKey, "the body holds a private key: consider it lost, and make a new one");
        if (!PemEncoding.TryFind(text, out var fields) || !text.AsSpan()[fields.Label].SequenceEqual(Label))
            throw CsrFault.Of(Reason.CsrPem, $"the body must be one PEM block {Label}");
        if (text.AsSpan()[..fields.Location.Start].ContainsAnyExcept(WhiteSpace)
            || text.AsSpan()[fields.Location.End..].ContainsAnyExcept(WhiteSpace))
        {
            throw CsrFault.Of(Reason.CsrPem, "there is something before or after the PEM block");
        }
        var der = new byte[fields.DecodedDataLength];
        return Convert.TryFromBase64Chars(text.AsSpan()[fields.Base64Data], der, out var length) && length == der.Length
            ? der
            : throw CsrFault.Of(Reason.CsrPem, "the PEM block is not base64");
    }
}
