using System.Diagnostics;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>
/// The act of editing a stored document: read with its version, changed in the person's editor, put back against that version. What is
/// refused is kept in a file; where another operator was first, the difference is shown, and the edit can go on over the new version.
/// </summary>
/// <param name="session">One run of the verb.</param>
/// <param name="name">Of the thing, for the file.</param>
/// <param name="read">What is stored now.</param>
/// <param name="put">Puts a text in place of a version; a refusal is a <see cref="Failure"/>.</param>
/// <param name="again">The command that puts a file in its place.</param>
internal sealed class DocumentEdit(
    Session session, string name, Func<CancellationToken, Task<StoredDocument>> read, Func<string, string, CancellationToken, Task> put,
    string again)
{
    /// <summary>For the help of such verbs.</summary>
    public const string Choice = "$VISUAL, $EDITOR or vi; another operator's change in between is shown, not overwritten";

    private static readonly string[] Choices = ["VISUAL", "EDITOR"];

    /// <returns>The exit code.</returns>
    /// <exception cref="Failure">It was refused, or the service does not answer; it says where the text is.</exception>
    public async Task<int> Run(CancellationToken cancel)
    {
        // 1. what is stored, with its version
        var seen = await read(cancel);
        if (seen.Unreadable.Length > 0)
            throw Failure.Usage($"what is stored {seen.Unreadable}", $"replace it with a valid one: {again} -f FILE");
        var file = KeptText.Keep(name, seen.Text, session.Clock);
        while (true)
        {
            Failure refused;
            try
            {
                // 2. the person's turn
                await Editor(file, cancel);
                var text = YamlFile.Text(file, ExitCodes.Usage);
                if (text == seen.Text)
                {
                    File.Delete(file);
                    Printer.Say("unchanged: nothing was written");
                    return ExitCodes.Ok;
                }

                // 3. written against the version that was read
                await put(text, seen.Version, cancel);
                File.Delete(file);
                seen.SayReplaced(name, text, again, session.Clock);
                return ExitCodes.Ok;
            }
            catch (Failure failure)
            {
                refused = failure;
            }
            catch (OperationCanceledException)
            {
                Printer.Say($"your text is in {file}");
                throw;
            }

            // 4. why not, and whether to go on
            var theirs = refused.Exit == ExitCodes.Conflict ? await read(cancel) : seen;
            var now = $"the stored one, {NodeExplainVerb.Short(theirs.Version)}{(theirs.Author.Length > 0 ? $" by {theirs.Author}" : "")}";
            Printer.Say([.. LineDiff.Of($"the version you read, {NodeExplainVerb.Short(seen.Version)}", seen.Text, now, theirs.Text)]);
            seen = theirs;
            if (refused.Exit is not (ExitCodes.Usage or ExitCodes.Conflict) || Console.IsInputRedirected || !Again(refused))
                throw Kept(refused, file, seen.Version);
        }
    }

    // As git and kubectl choose it; the shell splits "code --wait".
    private static async Task Editor(string file, CancellationToken cancel)
    {
        var editor = Choices.Select(Environment.GetEnvironmentVariable).FirstOrDefault(e => e is { Length: > 0 }) ?? "vi";
        using var process = Process.Start(new ProcessStartInfo("/bin/sh",
            ["-c", $"{editor} \"$1\"", "sh", file]) { UseShellExecute = false })
            ?? throw new Failure(ExitCodes.Failed, $"the editor {editor} did not start");
        await process.WaitForExitAsync(cancel);
        if (process.ExitCode != 0)
            throw new Failure(ExitCodes.Failed, $"the editor {editor} ended with {process.ExitCode}", "set VISUAL or EDITOR");
    }

    private bool Again(Failure refused)
    {
        session.Printer.Error(refused);
        Console.Error.Write(refused.Exit == ExitCodes.Conflict
            ? "edit your text again, to put it over the new version? [Y/n] " : "edit it again? [Y/n] ");
        return Console.ReadLine()?.Trim() is "" or "y" or "Y" or "yes";
    }

    private Failure Kept(Failure refused, string file, string version)
    {
        // A call that was cut off may have done its work.
        var sure = refused.Exit is ExitCodes.Failed or ExitCodes.Usage or ExitCodes.NotFound or ExitCodes.Denied or ExitCodes.Conflict;
        return new Failure(refused.Exit,
            $"{refused.Message}; {(sure ? "nothing was written" : "it may have been written")}, and your text is in {file}",
            $"{again} -f {file}{(refused.Exit == ExitCodes.Conflict && version.Length > 0 ? $" --etag '{version}'" : "")}")
        {
            Code = refused.Code,
            Reason = refused.Reason,
            TraceId = refused.TraceId,
            Fields = refused.Fields,
        };
    }
}
