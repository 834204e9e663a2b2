using System.CommandLine;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture completion: a script that asks the binary itself, so that it never lags behind the verbs.</summary>
internal sealed class CompletionVerb : Verb
{
    private readonly Argument<string> shell = new("SHELL") { Description = "bash, zsh or fish" };

    public CompletionVerb() : base("completion", "Print a completion script for a shell",
        "source <(overture completion bash)", "overture completion fish > ~/.config/fish/completions/overture.fish")
    {
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish");
        Arguments.Add(shell);
    }

    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        Printer.Document(session.Parse.GetRequiredValue(shell) switch
        {
            "bash" => Bash,
            "zsh" => Zsh,
            _ => Fish,
        });
        return Task.FromResult(ExitCodes.Ok);
    }

    // No suggestion, e.g. for FILE: fall back to file names.
    private const string Bash = """
        # overture completion for bash:  source <(overture completion bash)
        _overture() {
            local word="${COMP_WORDS[COMP_CWORD]}" line
            COMPREPLY=()
            while IFS= read -r line; do
                [[ $line == "$word"* ]] && COMPREPLY+=("$line")
            done < <("${COMP_WORDS[0]}" "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)
        }
        complete -o default -F _overture overture
        """;

    private const string Zsh = """
        #compdef overture
        # overture completion for zsh:  source <(overture completion zsh)
        _overture() {
            local -a suggestions
            suggestions=("${(@f)$("${words[1]}" "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
            if [[ -n "${suggestions[1]}" ]]; then
                compadd -a suggestions
            else
                _files
            fi
        }
        compdef _overture overture
        """;

    private const string Fish = """
        # overture completion for fish:  overture completion fish | source
        function __overture_suggest
            set -l line (commandline -cp)
            overture "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        complete -c overture -a '(__overture_suggest)'
        """;
}
