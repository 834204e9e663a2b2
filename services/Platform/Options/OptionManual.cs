using System.Globalization;
using System.Text;

namespace Overture.Platform.Options;

/// <summary>A program's page of the manual, overture-SERVICE(8), with every key of its option file: roff, as man reads it.</summary>
internal static class OptionManual
{
    /// <param name="service">"conductor".</param>
    /// <param name="all">Its option file.</param>
    /// <param name="variables">The standard variables that it reads beside its own.</param>
    public static string Page(string service, OptionSection all, IEnumerable<string> variables)
    {
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $"""
            .TH OVERTURE\-{service.ToUpperInvariant()} 8 "" "Overture" "Overture"
            .nh
            .SH NAME
            overture\-{service}, overture\-{service}.yaml \- {service} of Overture
            .SH SYNOPSIS
            .B systemctl start overture\-{service}
            .SH DESCRIPTION
            The unit runs a program in /usr/lib/overture, which takes \-\-config FILE, \-\-print\-options [\-\-format
            json|yaml|markdown|man] or \-\-help. Options are read from the file, then from the environment over it; all that is wrong is
            said at once, and nothing starts. An unknown key is wrong.
            .SH OPTION FILE
            Durations are 500ms, 90s, 15m, 12h or 180d; a list is [a, b]. Below an option: its type, its default where it has one, and
            its variable.

            """);
        foreach (var option in all.Entries())
        {
            page.Append(CultureInfo.InvariantCulture, $".TP\n.B {Text(option.Path!)}\n{Text(option.Description ?? "")}\n.br\n");
            page.Append(CultureInfo.InvariantCulture, $"{Text(option.Type)}");
            if (OptionText.Shown(option.Default) is { Length: > 0 } standard)
                page.Append(CultureInfo.InvariantCulture, $", {Text(standard.Trim('`'))}");
            page.Append(CultureInfo.InvariantCulture, $"; {Text(option.Environment)}\n");
        }
        page.Append(".SH ENVIRONMENT\nBeside those above, which have no key in the file: ").AppendJoin(", ", variables.Select(Text))
            .Append(CultureInfo.InvariantCulture, $"""
            .
            .SH FILES
            .TP
            .I /etc/overture/{service}.yaml
            The option file, where no other is named.
            .TP
            .I /etc/overture/{service}.environment
            Variables for the unit, mode 0600.
            .SH SIGNALS
            SIGTERM ends it in order, SIGHUP has it read its certificate and its roots again.
            .SH EXIT STATUS
            0 after SIGTERM; 64 for other arguments; 70 for a start that was refused; 78 for wrong options.
            .SH SEE ALSO
            .BR overture (1),
            .BR systemctl (1)
            """);
        return page.ToString();
    }

    // A backslash begins an escape, a dot or quote at the beginning of a line a request; a hyphen that is typed must stay one when it is
    // copied.
    internal static string Text(string text) => string.Join('\n', text
        .Replace("\\", "\\e", StringComparison.Ordinal).Replace("-", "\\-", StringComparison.Ordinal).Split('\n')
        .Select(line => line.StartsWith('.') || line.StartsWith('\'') ? "\\&" + line : line));
}
