using System.Text.RegularExpressions;

namespace Overture.Platform.Records;

/// <summary>
/// Puppet's grammar for the names in a definition (Puppet's "reserved words and acceptable names"), where its lexer takes more, the
/// documented one: lower case.
/// </summary>
public static partial class PuppetNames
{
    // Words of the language, and types and scopes that a class can't be called like. Behind a :: they are names like any other.
    private static readonly HashSet<string> NoClasses = new(StringComparer.Ordinal)
    {
        "and", "application", "attr", "case", "class", "component", "consumes", "default", "define", "else", "elsif", "environment",
        "false", "function", "if",
        "import", "in", "inherits", "node", "or", "plan", "private", "produces", "site", "true", "type", "undef", "unless",
        "main", "settings",
        "any", "array", "boolean", "catalogentry", "collection", "callable", "data", "enum", "float", "hash", "integer", "numeric",
        "optional", "pattern", "resource",
        "runtime", "scalar", "string", "struct", "tuple", "unit", "variant", "semver", "semverrange", "timespan", "timestamp", "typeset",
        "init", "iterable", "iterator", "object",
    };

    // Sections of puppet.conf.
    private static readonly HashSet<string> NoEnvironments = new(StringComparer.Ordinal) { "main", "master", "server", "agent", "user" };

    // "environment" and "trusted" are overwritten in silence; with any of the others no catalog compiles (measured with Puppet 7.23).
    private static readonly HashSet<string> NoVariables = new(StringComparer.Ordinal) { "environment", "trusted", "facts", "server_facts",
        "name", "title", "module_name" };

    // A class can't declare them, and no catalog compiles that gives them. Metaparameters (noop, tag, stage…) are good, and so are words of
    // the language.
    private static readonly HashSet<string> NoParameters = new(StringComparer.Ordinal)
    {
        "name", "title", "module_name", "caller_module_name", "trusted", "facts", "server_facts",
    };

    /// <summary>base::ssh, also with a leading ::.</summary>
    public static bool IsClass(string name) => ClassGrammar().IsMatch(name) && !NoClasses.Contains(Unanchored(name));

    /// <summary>One name for ::ntp and ntp, which are the same class.</summary>
    public static string Unanchored(string className) => className.StartsWith("::", StringComparison.Ordinal) ? className[2..] : className;

    /// <summary>A class's parameter, or a variable (where <see cref="IsReservedVariable"/> is another matter).</summary>
    public static bool IsVariable(string name) => VariableGrammar().IsMatch(name);

    /// <summary>One that Puppet sets itself.</summary>
    public static bool IsReservedVariable(string name) => NoVariables.Contains(name);

    /// <summary>A class's parameter that breaks the catalog, whatever the class.</summary>
    public static bool IsReservedParameter(string name) => NoParameters.Contains(name);

    public static bool IsEnvironment(string name) => EnvironmentGrammar().IsMatch(name) && !NoEnvironments.Contains(name);

    [GeneratedRegex(@"\A(::)?[a-z][a-z0-9_]*(::[a-z][a-z0-9_]*)*\z", RegexOptions.CultureInvariant)]
    private static partial Regex ClassGrammar();

    [GeneratedRegex(@"\A[a-z_][a-zA-Z0-9_]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex VariableGrammar();

    [GeneratedRegex(@"\A[a-z0-9_]+\z", RegexOptions.CultureInvariant)]
    private static partial Regex EnvironmentGrammar();
}
