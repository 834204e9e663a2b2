using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Providers;

/// <summary>
/// Where instances run: this host, or a cloud. Every call may be repeated after a crash at any point: what a certname's instance is, the
/// provider finds out by the certname alone.
/// </summary>
internal interface IProvider
{
    /// <summary>As in LaunchSpec.provider.</summary>
    string Name { get; }

    /// <summary>Whose instances these are; in the launch record. Another Conductor's provider of the same name has another account.</summary>
    string Account { get; }

    IReadOnlyList<string> Images { get; }

    /// <summary>Whether cloud-init has to install Puppet.</summary>
    bool InstallsPuppet { get; }

    /// <summary>One line why nothing can be launched here, or null.</summary>
    Task<string?> Unfit(CancellationToken cancel);

    /// <summary>Starts the instance, unless it runs already. The same certname always gives the same instance.</summary>
    /// <returns>The provider's id of it.</returns>
    /// <exception cref="ProviderException">The provider can't or won't.</exception>
    Task<string> Start(CertName name, LaunchSpec spec, string userData, CancellationToken cancel);

    /// <summary>Ends the instance and removes all that is left of it; no error when there is none.</summary>
    Task Stop(CertName name, CancellationToken cancel);

    /// <summary>What there is of the instance right now.</summary>
    /// <exception cref="ProviderException">The provider does not say.</exception>
    Task<Sighting> Look(CertName name, CancellationToken cancel);
}

/// <summary>An instance as its provider sees it.</summary>
/// <param name="State">"pending", "running", "stopped" or "gone".</param>
/// <param name="InstanceId">The provider's id; empty where it is gone.</param>
/// <param name="Addresses">That its requests come from; empty unless it runs.</param>
internal sealed record Sighting(string State, string InstanceId, IReadOnlyList<string> Addresses)
{
    public const string Running = "running";

    public static Sighting Gone { get; } = new("gone", "", []);
}

/// <summary>A provider said no. The message is for people and holds no secret.</summary>
internal sealed class ProviderException(string message) : Exception(message);
