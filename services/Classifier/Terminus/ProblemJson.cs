using System.Text.Json;
using Overture.Platform.Faults;

namespace Overture.Classifier.Terminus;

/// <summary>An error as RFC 9457 wants it: {"title":"Not Found","status":404,"detail":"…","reason":"NODE_UNKNOWN"}. Pure.</summary>
internal static class ProblemJson
{
    public static ReadOnlyMemory<byte> Write(int status, Reason reason, string detail) =>
        JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object>
    {
        ["title"] = Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status),
        ["status"] = status,
        ["detail"] = detail,
        ["reason"] = reason.Code(),
    });
}
