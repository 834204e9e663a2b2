using System.Text;

namespace Grpc.Core;

/// <summary>One fact about the peer, e.g. a name in its certificate.</summary>
public class AuthProperty
{
    private readonly byte[] bytes;
    private string? text;

    private AuthProperty(string name, byte[] bytes)
    {
        Name = name;
        this.bytes = bytes;
    }

    public string Name { get; }

    /// <summary>The bytes read as UTF-8.</summary>
    public string Value => text ??= Encoding.UTF8.GetString(bytes);

    /// <summary>A copy of the bytes.</summary>
    public byte[] ValueBytes => (byte[])bytes.Clone();

    public static AuthProperty Create(string name, byte[] valueBytes)
    {
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(valueBytes);
        return new AuthProperty(name, (byte[])valueBytes.Clone());
    }
}

/// <summary>Who the peer is, as the server read it from the client certificate.</summary>
public class AuthContext(string? peerIdentityPropertyName, Dictionary<string, List<AuthProperty>> properties)
{
    /// <summary>Whether there is a property that identifies the peer.</summary>
    public bool IsPeerAuthenticated => PeerIdentityPropertyName is not null;

    /// <summary>The property that identifies the peer; null for an unknown peer.</summary>
    public string? PeerIdentityPropertyName { get; } = peerIdentityPropertyName;

    /// <summary>The values of the identifying property; empty for an unknown peer.</summary>
    public IEnumerable<AuthProperty> PeerIdentity =>
        PeerIdentityPropertyName is null ? [] : FindPropertiesByName(PeerIdentityPropertyName);

    public IEnumerable<AuthProperty> Properties => Values.SelectMany(named => named.Value);

    private Dictionary<string, List<AuthProperty>> Values { get; } =
        properties ?? throw new ArgumentNullException(nameof(properties));

    public IEnumerable<AuthProperty> FindPropertiesByName(string propertyName) =>
        Values.TryGetValue(propertyName, out var found) ? found : [];
}
