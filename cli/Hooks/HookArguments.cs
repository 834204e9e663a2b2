namespace Overture.Cli.Hooks;

/// <summary>
/// CERTNAME as Puppet gives it; or, for people, --replay CERTNAME, and for overture-autosign the file of a request behind it.
/// </summary>
/// <param name="Hook">The name it was called by.</param>
/// <param name="Certname">Empty where the arguments are wrong.</param>
/// <param name="IsReplay">A person looks on.</param>
/// <param name="Request">The request's file; empty: stdin.</param>
internal sealed record HookArguments(string Hook, string Certname, bool IsReplay, string Request)
{
    public string Usage => Hook == "overture-enc"
        ? "usage: overture-enc CERTNAME, or overture-enc --replay CERTNAME"
        : "usage: overture-autosign CERTNAME < csr.pem, or overture-autosign --replay CERTNAME csr.pem";

    /// <summary>A person, or a CSR whose name is spelled like that: <see cref="HookHelp"/> has an exit code for both.</summary>
    public static bool AsksForHelp(string[] args) => args is ["--help" or "-h"];

    public static HookArguments Parse(string hook, string[] args) => args switch
    {
        [not "--replay" and var certname] => new(hook, certname, false, ""),
        ["--replay", var certname] when hook == "overture-enc" => new(hook, certname, true, ""),
        ["--replay", var certname, var request] when hook == "overture-autosign" => new(hook, certname, true, request),
        _ => new(hook, "", false, ""),
    };
}
