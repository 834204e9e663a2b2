using Overture.CertAuthority.Signing;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Storage;

/// <summary>
/// The last list that this replica published or saw, in its state directory: written after the store took it and before it is served, so
/// no list that was served is forgotten with the store. It has the CA's signature; one of another CA is none.
/// </summary>
internal sealed class KeptCrl(StateDirectory state, CaSigner signer, ILogger<KeptCrl> log)
{
    private const string CrlFile = "crl.json";
    private CrlRecord? last;
    private string? kept;

    /// <summary>Why the last list was not kept; null: it was.</summary>
    public string? Failure { get; private set; }

    /// <returns>Null: none was kept, or it can't be used, which is logged.</returns>
    public (CrlRecord Record, CrlDocument Read)? Read()
    {
        if (state.Read(CrlFile) is not { } text)
            return null;
        if (Parsed(text) is { } record && CrlDocument.Of(record, signer.Ca) is { } read)
            return (record, read);
        Log.KeptCrlUnusable(log, CrlFile);
        return null;
    }

    public void Keep(CrlRecord record)
    {
        // Asked every 2 s, and a list may have megabytes.
        if (ReferenceEquals(record, last))
            return;
        var text = RecordJson.WriteText(record) + "\n";
        try
        {
            if (text != kept)
                state.Write(CrlFile, text);
            (last, kept, Failure) = (record, text, null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Served all the same: a revocation matters more than the memory of it.
            Failure = e.Message;
            Log.CrlNotKept(log, record.Number, e.Message);
        }
    }

    private static CrlRecord? Parsed(string text)
    {
        try
        {
            return RecordJson.Read<CrlRecord>(text);
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }
}
