using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.AuthenticatedEncryption.ConfigurationModel;
using Microsoft.AspNetCore.DataProtection.Repositories;

namespace Overture.Console.Sessions;

/// <summary>
/// The keys that seal cookies, form tokens and links where there are several consoles: derived from secrets that all of them have in a
/// file, so none makes keys of its own. The first line seals, all of them open. So a new one is first the second line of all, and then
/// the first: what one seals the others must open.
/// </summary>
internal sealed class SharedKeys(string file) : IXmlRepository
{
    private const int Shortest = 32, KeyLength = 64;

    /// <returns>Null: it is fit.</returns>
    public static string? Problem(string file) => Lines(file) is not [_, ..] lines || lines.Any(l => l.Length < Shortest)
        ? $"must have a secret of {Shortest} characters or more on each line (openssl rand -base64 48 makes one)"
        : lines.Distinct(StringComparer.Ordinal).Count() < lines.Length ? "has the same secret on two lines; take one of them out" : null;

    public IReadOnlyCollection<XElement> GetAllElements() => [.. Lines(file).Reverse().Select(Key)];

    public void StoreElement(XElement element, string friendlyName) =>
        throw new InvalidOperationException("keys of replicas come from sessionKey alone");

    private static string[] Lines(string file) =>
        [.. File.ReadAllLines(file).Select(l => l.Trim()).Where(l => l.Length > 0)];

    // As the framework writes a key of its own. Of those that are active it takes the one that was activated last.
    private static XElement Key(string secret, int order)
    {
        var material = HKDF.DeriveKey(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(secret), KeyLength,
            info: "overture-console-key-1"u8.ToArray());
        var id = new Guid(SHA256.HashData(material).AsSpan(0, 16));
        var active = DateTimeOffset.UnixEpoch.AddDays(order);
        return new XElement("key", new XAttribute("id", id), new XAttribute("version", 1),
            new XElement("creationDate", Time(active)), new XElement("activationDate", Time(active)),
            new XElement("expirationDate", Time(active.AddYears(1000))),
            new XElement("descriptor",
                new XAttribute("deserializerType", typeof(AuthenticatedEncryptorDescriptorDeserializer).AssemblyQualifiedName!),
                new XElement("descriptor",
                    new XElement("encryption", new XAttribute("algorithm", "AES_256_CBC")),
                    new XElement("validation", new XAttribute("algorithm", "HMACSHA256")),
                    new XElement("masterKey", new XElement("value", Convert.ToBase64String(material))))));
    }

    private static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
