using System.Buffers.Text;
using System.Text;
using Overture.CertAuthority.V1;
using Overture.Platform.Faults;
using Overture.Records.V1;

namespace Overture.CertAuthority.Enrollment;

/// <summary>One page of held requests. Its token says version and the last request seen; requests dropped in between do no harm.</summary>
internal static class HeldPage
{
    private const string Version = "1";

    public static ListCertificateRequestsResponse Of(IReadOnlyList<HeldRequest> sorted, int size, string token)
    {
        var after = token.Length == 0 ? null : Decode(token);
        var rest = after is null ? sorted : [.. sorted.SkipWhile(h => string.CompareOrdinal(Key(h), after) <= 0)];
        var page = rest.Take(size).ToList();
        return new ListCertificateRequestsResponse
        {
            Requests = { page },
            NextPageToken = rest.Count > size ? Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"{Version}|{Key(page[^1])}")) : "",
        };
    }

    // Sorts as the list does: by time, then by name.
    private static string Key(HeldRequest held) => $"{held.ReceivedAt.Seconds:D12}.{held.ReceivedAt.Nanos:D9}/{held.Certname}";

    private static string Decode(string token)
    {
        try
        {
            var text = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(token));
            return text.StartsWith(Version + "|", StringComparison.Ordinal) ? text[(Version.Length + 1)..] : throw Wrong();
        }
        catch (FormatException)
        {
            throw Wrong();
        }
    }

    private static FaultException Wrong() => FaultException.Invalid("page_token", "is not one that this list gave out");
}
