using System.Security.Cryptography;
using System.Text;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Cli.Pki;

/// <summary>
/// A user of Redis for each service, with the rights that it needs and no others. Files: redis/&lt;service&gt;.password (mode 0600), and
/// redis/users.conf, which redis.conf or an aclfile takes in: it has the passwords' hashes.
/// </summary>
public sealed class RegistryUsers(string home)
{
    /// <summary>Makes what is missing; a password that is there is left as it is.</summary>
    /// <param name="deployment">As in the services' option of this name.</param>
    /// <returns>The files written.</returns>
    public IReadOnlyList<string> Init(string deployment)
    {
        var written = new List<string>();
        var directory = Path.Combine(home, "redis");
        PrivateFile.MakeDirectory(directory);
        var users = new StringBuilder();
        foreach (var service in RegistryRights.Services)
        {
            var file = Path.Combine(directory, $"{service}.password");
            // A blank one would be a user with an empty password.
            var password = File.Exists(file) ? File.ReadAllText(file).Trim() : "";
            if (password.Length == 0)
                Write(file, (password = RandomNumberGenerator.GetHexString(48, lowercase: true)) + "\n", written);
            var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(password)));
            users.Append($"user {service} reset on #{hash} {new RegistryRights(service, deployment).Rules}\n");
        }
        Write(Path.Combine(directory, "users.conf"), users.ToString(), written);
        return written;
    }

    private static void Write(string file, string text, List<string> written)
    {
        if (File.Exists(file) && File.ReadAllText(file) == text)
            return;
        PrivateFile.Write(file, text);
        written.Add(file);
    }
}
