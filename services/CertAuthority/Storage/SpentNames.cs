using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Overture.CertAuthority.Signing;
using Overture.Platform.Certificates;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;

namespace Overture.CertAuthority.Storage;

/// <summary>
/// What was claimed, in this replica's state directory: a line for each claim (name, claim, serial), appended after the claim is in the
/// store and before its certificate is handed out, never rewritten. Deleting a claim in the bucket does not make its token usable again. A
/// line survives the process at once, and a power cut once the audit batch that records its certificate is written (<see cref="Sync"/>): no
/// sync of its own for each agent.
/// </summary>
internal sealed class SpentNames : IDisposable
{
    // After the part of a line that a power cut left: with that it is no line of ours, whatever it was cut in.
    private const string Torn = " - - torn\n";
    private const string NotWritten = "the state directory can't be written, so nothing is signed; try again";
    private readonly Lock gate = new();
    // Hashes of names and of whole lines: 16 bytes each, where a million names would take a quarter of a gigabyte.
    private readonly HashSet<UInt128> names = [], lines = [];
    private readonly FileStream file;
    private bool torn, dirty;

    public SpentNames(StateDirectory state, CaSigner signer)
    {
        // A CA with another key has spent nothing yet.
        file = state.OpenToAppend($"spent-{Convert.ToHexStringLower(signer.Ca.KeyId.Span)[..16]}");
        var last = "";
        foreach (var line in LinesOf(file, file.Length))
            Learn(last = line);
        // A power cut in the middle of a line.
        if (file.Length > 0)
        {
            file.Seek(-1, SeekOrigin.End);
            torn = file.ReadByte() != '\n';
        }
        if (torn)
            EndTornLine(last);
    }

    /// <summary>Whether the name's one claim by token (or its first by approval) was ever written, wherever it is now.</summary>
    public bool Holds(CertName name)
    {
        lock (gate)
            return names.Contains(Hash($"{name} {ClaimStore.Launched}"));
    }

    /// <summary>Whether any claim was ever written for the name: a renewal, an imported certificate.</summary>
    public bool Knows(CertName name)
    {
        lock (gate)
            return names.Contains(Hash(name.ToString()));
    }

    /// <summary>Every serial that was claimed for the name; read from the file, for the rare case that the store does not say.</summary>
    public IReadOnlyList<string> SerialsOf(CertName name)
    {
        // Of a million lines that takes a second, and signing waits for the lock: the file only grows, so what it holds by now is
        // read beside it.
        long end;
        lock (gate)
            end = file.Length;
        using var own = new FileStream(file.Name, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        return [.. LinesOf(own, end).Select(l => l.Split(' '))
            .Where(l => l is [var of, _, var serial] && of == name.ToString() && serial.Length > 0).Select(l => l[2])
            .Distinct(StringComparer.Ordinal)];
    }

    /// <exception cref="FaultException">STORE_UNAVAILABLE: the line could not be written, so nothing may be signed.</exception>
    public void Add(Claim claim) => Add(claim.Certname, claim.Claim_, claim.Serial);

    /// <inheritdoc cref="Add(Claim)"/>
    public void Add(string name, string claim, string serial)
    {
        var line = $"{name} {claim} {serial}";
        lock (gate)
        {
            if (lines.Contains(Hash(line)))
                return;
            try
            {
                file.Seek(0, SeekOrigin.End);
                file.Write(Encoding.ASCII.GetBytes((torn ? Torn : "") + line + "\n"));
                file.Flush();
                (torn, dirty) = (false, true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Part of it may be there: the next line begins on a line of its own.
                torn = true;
                throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable, NotWritten);
            }
            Learn(line);
        }
    }

    /// <summary>On the disk, whatever was added before.</summary>
    /// <exception cref="FaultException">STORE_UNAVAILABLE: it may not be.</exception>
    public void Sync()
    {
        lock (gate)
        {
            if (!dirty)
                return;
            try
            {
                file.Flush(flushToDisk: true);
                dirty = false;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new FaultException(FaultKind.Unavailable, Reason.StoreUnavailable,
                    $"the state directory can't be written: {e.Message}") { PublicMessage = NotWritten };
            }
        }
    }

    public void Dispose()
    {
        lock (gate)
            file.Dispose();
    }

    // Where it can't be written, the next claim can't be either, and says so. What was there of the line was there, so the name is spent;
    // but it is written again, whole.
    private void EndTornLine(string line)
    {
        lines.Remove(Hash(line));
        try
        {
            file.Seek(0, SeekOrigin.End);
            file.Write(Encoding.ASCII.GetBytes(Torn));
            file.Flush();
            torn = false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            torn = true;
        }
    }

    private void Learn(string line)
    {
        if (line.Split(' ') is not [{ Length: > 0 } name, { Length: > 0 } claim, _])
            return;
        lines.Add(Hash(line));
        names.Add(Hash(name));
        if (claim == ClaimStore.Launched)
            names.Add(Hash($"{name} {claim}"));
    }

    private static IEnumerable<string> LinesOf(FileStream from, long end)
    {
        from.Seek(0, SeekOrigin.Begin);
        using var reader = new StreamReader(from, Encoding.ASCII, bufferSize: 65_536, leaveOpen: true);
        // In ASCII a character is a byte. What was appended since was not asked for yet, and its last line may be half there.
        var at = 0L;
        while (at < end && reader.ReadLine() is { } line)
        {
            at += line.Length + 1;
            yield return line;
        }
    }

    private static UInt128 Hash(string text) => BinaryPrimitives.ReadUInt128BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
