using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Platform.Tls;

namespace Overture.Console;

/// <summary>The identity provider, as the services have it, and what only a console needs of it.</summary>
public sealed record ConsoleProviderOptions : IdentityProviderOptions
{
    /// <summary>File with the client's secret (client_secret_post). Empty: a public client, which has PKCE alone.</summary>
    public string ClientSecretFile { get; init; } = "";

    /// <summary>Scopes to ask for beside openid, for the claims that names and groups are in. None given: profile.</summary>
    public IReadOnlyList<string> Scopes { get; init; } = [];

    /// <summary>On the button: "Sign in with ...".</summary>
    public string Title { get; init; } = "your organization";

    // Not as a default of Scopes: a file's list would be added to it.
    internal IEnumerable<string> AskedScopes => ["openid", .. Scopes.Count > 0 ? Scopes : ["profile"]];

    internal string? ClientSecret() => ClientSecretFile.Length == 0 ? null : File.ReadAllText(ClientSecretFile).Trim();

    internal IEnumerable<FieldProblem> AllProblems(string at)
    {
        foreach (var problem in Problems(at))
            yield return problem;
        if (IsOn && ClientSecretFile.Length > 0 && OptionRules.FileProblem(ClientSecretFile) is { } rule)
            yield return new($"{at}.clientSecretFile", rule);
        if (Title.Length is 0 or > 60)
            yield return new($"{at}.title", "must be 1-60 characters");
    }
}
