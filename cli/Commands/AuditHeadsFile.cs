using Google.Protobuf;
using Overture.CertAuthority.V1;
using Overture.Cli.Output;
using Overture.Records.V1;

namespace Overture.Cli.Commands;

/// <summary>Heads of the audit log, kept by the operator: the proto JSON of what the next verification is asked.</summary>
internal static class AuditHeadsFile
{
    private static readonly JsonParser Parser = new(JsonParser.Settings.Default.WithIgnoreUnknownFields(true));

    public static IReadOnlyList<AuditHead> Read(string file)
    {
        try
        {
            var text = File.ReadAllText(file);
            // Also a whole answer of `overture audit verify -o json`.
            AuditHead[] heads = [.. Parser.Parse<VerifyAuditRequest>(text).Expected, .. Parser.Parse<VerifyAuditResponse>(text).Heads];
            return heads.Length > 0 ? heads : throw Failure.Usage($"{file} holds no heads",
                "make one: overture audit verify --save-heads FILE");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidProtocolBufferException or InvalidJsonException)
        {
            throw Failure.Usage($"{file} can't be read as heads of the audit log: {e.Message}",
                "make one: overture audit verify --save-heads FILE");
        }
    }

    /// <summary>Replaced whole or not at all.</summary>
    public static void Write(string file, IEnumerable<AuditHead> heads)
    {
        var next = file + ".new";
        File.WriteAllText(next, Rendering.Json(new VerifyAuditRequest { Expected = { heads } }, indented: true) + "\n");
        File.Move(next, file, overwrite: true);
    }
}
