using System.CommandLine;
using Overture.Cli.Output;

namespace Overture.Cli.Commands;

/// <summary>overture completion: a script that asks the binary itself, so that it never lags behind the verbs.</summary>
internal sealed class CompletionVerb : Verb
{
    private readonly Argument<string> shell = new("SHELL") { Description = "bash, zsh, fish or powershell" };

    public CompletionVerb() : base("completion", "Print a completion script for a shell",
        "source <(overture completion bash)", "overture completion fish > ~/.config/fish/completions/overture.fish",
        "overture completion powershell | Out-String | Invoke-Expression")
    {
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish", "powershell");
        Arguments.Add(shell);
    }

    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        Printer.Document(session.Parse.GetRequiredValue(shell) switch
        {
            "bash" => Bash,
            "zsh" => Zsh,
            "powershell" => PowerShell,
            _ => Fish,
        });
        return Task.FromResult(ExitCodes.Ok);
    }

    // bash parts words at `=` too, and replaces what is behind it alone.
    private const string Bash = """
        # overture completion for bash:  source <(overture completion bash)
        _overture() {
            local line
            COMPREPLY=()
            while IFS= read -r line; do
                if [[ $line == :files ]]; then
                    compopt -o default 2>/dev/null
                else
                    COMPREPLY+=("${line%%$'\t'*}")
                fi
            done < <("${COMP_WORDS[0]}" __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
            if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
                compopt -o nospace 2>/dev/null
            fi
        }
        complete -F _overture overture
        """;

    private const string Zsh = """
        #compdef overture
        # overture completion for zsh:  source <(overture completion zsh)
        _overture() {
            local line files=0 rest=1
            local -a found shown
            for line in "${(@f)$("${words[1]}" __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
                case $line in
                    '') ;;
                    :files) files=1 ;;
                    *$'\t'*) found+=("${line%%$'\t'*}"); shown+=("${line%%$'\t'*}  -- ${line#*$'\t'}") ;;
                    *) found+=("$line"); shown+=("$line") ;;
                esac
            done
            (( $#found )) && compadd -l -d shown -a found && rest=0
            (( files )) && _files && rest=0
            return rest
        }
        compdef _overture overture
        """;

    private const string Fish = """
        # overture completion for fish:  overture completion fish | source
        function __overture_complete
            set -l words (commandline -opc)
            set -l token (commandline -ct)
            for line in (overture __complete -- $words[2..-1] "$token" 2>/dev/null)
                if test "$line" = :files
                    __fish_complete_path "$token"
                else
                    echo $line
                end
            end
        end
        complete -c overture -f -a '(__overture_complete)'
        """;

    // Windows PowerShell drops an empty argument, so the last word goes apart.
    private const string PowerShell = """
        # overture completion for PowerShell:  overture completion powershell | Out-String | Invoke-Expression
        Register-ArgumentCompleter -Native -CommandName overture -ScriptBlock {
            param($wordToComplete, $commandAst, $cursorPosition)
            $before = @($commandAst.CommandElements | Select-Object -Skip 1 |
                Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.Extent.Text })
            overture __complete "--word=$wordToComplete" -- @before 2>$null | Where-Object { $_ -ne ':files' } | ForEach-Object {
                $text, $about = $_ -split "`t", 2
                if (-not $about) { $about = $text }
                [System.Management.Automation.CompletionResult]::new($text, $text, 'ParameterValue', $about)
            }
        }
        """;
}
