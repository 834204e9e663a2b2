using System.Text;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>
/// A launch spec as it may be shown: the values of cloud_config that are secret or may hold a secret, and the bodies of scripts, are
/// masked. Pure.
/// </summary>
internal static class SecretMask
{
    public const string Text = "********";

    // Files, passwords of users, and all that cloud-init takes under chpasswd.
    private static readonly string[] Keys = ["content", "chpasswd"];
    private static readonly string[] Words = ["passw", "secret", "token", "private", "credential", "api_key", "apikey"];

    public static LaunchSpec On(LaunchSpec spec)
    {
        var shown = spec.Clone();
        if (spec.CloudConfig.Length > 0)
        {
            var tree = (Dictionary<string, object?>)PositionedYaml.Read(spec.CloudConfig).ToTree()!;
            shown.CloudConfig = QuotedYaml.Write((Dictionary<string, object?>)Masked(tree, false)!, "#cloud-config");
        }
        for (var i = 0; i < shown.Scripts.Count; i++)
            shown.Scripts[i] = $"{spec.Scripts[i].Split('\n')[0]}\n# {Text} ({Encoding.UTF8.GetByteCount(spec.Scripts[i])} bytes)\n";
        return shown;
    }

    private static object? Masked(object? value, bool isSecret) => value switch
    {
        Dictionary<string, object?> map => map.ToDictionary(e => e.Key, e => Masked(e.Value, isSecret || IsSecret(e.Key))),
        List<object?> items => new List<object?>([.. items.Select(i => Masked(i, isSecret))]),
        string => isSecret ? Text : value,
        _ => value,
    };

    private static bool IsSecret(string key) => Keys.Contains(key, StringComparer.OrdinalIgnoreCase)
        || Words.Any(w => key.Contains(w, StringComparison.OrdinalIgnoreCase));
}
