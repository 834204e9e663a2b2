using System.Diagnostics.CodeAnalysis;
using Overture.Platform.Faults;

namespace Overture.Platform.Records;

/// <summary>
/// The name of a node: what Puppet calls certname. Parsed once, at the edge; inside, a value of this type is safe in a path, an object key
/// and an argument list. Grammar of puppetserver 7.9.5 (docs/puppet-contracts.md §1.3): 1-64 of lower-case letters, digits, '-', '_', '.';
/// letter or digit first and last; no dot beside a dot or a '-'. Comparison is ordinal.
/// </summary>
public readonly record struct CertName
{
    private readonly string? text;

    private CertName(string text) => this.text = text;

    /// <summary>True for the shape Overture gives out: a lower-case UUIDv4 of 36 characters.</summary>
    public bool IsUuid => IsUuidShape(ToString());

    public static CertName Parse(string text) =>
        TryParse(text, out var name, out var rule) ? name : throw Faults.FaultException.Invalid("certname", rule);

    /// <param name="text">As received, after percent-decoding where it came from a URL.</param>
    /// <param name="name">The parsed name.</param>
    /// <param name="rule">The rule it breaks, for an error message.</param>
    public static bool TryParse(string? text, out CertName name, [NotNullWhen(false)] out string? rule)
    {
        name = default;
        rule = CertNameGrammar.Broken(text);
        if (rule is not null)
            return false;
        name = new CertName(text!);
        return true;
    }

    public override string ToString() => text ?? throw new InvalidOperationException("an unparsed certname");

    // xxxxxxxx-xxxx-4xxx-[89ab]xxx-xxxxxxxxxxxx; never Guid.Parse, which takes many spellings (threats T46).
    private static bool IsUuidShape(string s)
    {
        if (s.Length != 36 || s[14] != '4' || s[19] is not ('8' or '9' or 'a' or 'b'))
            return false;
        for (var i = 0; i < s.Length; i++)
        {
            var dash = i is 8 or 13 or 18 or 23;
            if (dash ? s[i] != '-' : !char.IsAsciiHexDigitLower(s[i]))
                return false;
        }
        return true;
    }
}
