using Overture.Conductor.V1;
using Overture.Platform.Faults;
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

    /// <summary>
    /// Whose instances these are; in the launch record. Another Conductor's provider of the same name has another account.
    /// </summary>
    string Account { get; }

    /// <summary>Where its instances run, as the cloud calls it; empty: there are no regions.</summary>
    string Region { get; }

    /// <summary>
    /// How long an instance that was started may be missing from <see cref="Look"/> and <see cref="Inventory"/>; zero: never.
    /// </summary>
    TimeSpan Settling { get; }

    /// <summary>How often <see cref="Inventory"/> may be asked for where nothing is awaited.</summary>
    TimeSpan LookEvery { get; }

    /// <summary>
    /// The rules that a spec breaks here (image, type, the provider's own settings); fields as in LaunchSpec. No call to the provider.
    /// </summary>
    IEnumerable<FieldProblem> Check(LaunchSpec spec);

    /// <summary>One line why nothing can be launched here, or null.</summary>
    Task<string?> CheckReady(CancellationToken cancel);

    /// <summary>Of the providers of one name (a cloud's accounts and regions): whether a launch that was checked is this one's.</summary>
    bool Serves(LaunchSpec spec) => true;

    /// <summary>Of the providers of one name: it is not the default one.</summary>
    bool IsFurther => false;

    /// <summary>
    /// Where a launch may go, in the order to ask: where one place has no room, the next is asked. The same for the same spec; never empty.
    /// </summary>
    IReadOnlyList<LaunchPlace> Places(LaunchSpec spec) => [new(0, "", spec)];

    /// <summary>The image to record: that of the spec, or what the spec's description of it finds now.</summary>
    /// <exception cref="ProviderException">There is none (final), or the provider does not say.</exception>
    Task<string> Image(LaunchSpec spec, CancellationToken cancel) => Task.FromResult(spec.Image);

    /// <summary>Starts the instance at one place; never at two, which its caller sees to.</summary>
    /// <inheritdoc cref="Start(CertName, LaunchSpec, string, bool, CancellationToken)"/>
    Task<Started> Start(CertName name, LaunchPlace place, string userData, bool again, CancellationToken cancel) =>
        Start(name, place.Spec, userData, again, cancel);

    /// <summary>What there is of the instance right now, at any place, by every mark that it may have.</summary>
    /// <exception cref="ProviderException">The provider does not say.</exception>
    Task<Sighting> Find(CertName name, CancellationToken cancel) => Look(name, "", cancel);

    /// <summary>Starts the instance, unless it was started already. The same certname always gives the same instance.</summary>
    /// <param name="name">Its certname.</param>
    /// <param name="spec">As <see cref="Check"/> approved of.</param>
    /// <param name="userData">At most 16 KiB.</param>
    /// <param name="again">It may have been started before; false: its name was just generated, so it cannot have been.</param>
    /// <param name="cancel">Gives up; it may have been started.</param>
    /// <exception cref="ProviderException">The provider can't or won't.</exception>
    Task<Started> Start(CertName name, LaunchSpec spec, string userData, bool again, CancellationToken cancel);

    /// <summary>What the provider says of a launch that it is asked about and does not do; null: it can't be asked.</summary>
    /// <param name="name">One that no instance has, nor will have.</param>
    /// <param name="spec">As <see cref="Check"/> approved of.</param>
    /// <param name="userData">At most 16 KiB.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="ProviderException">The provider does not say.</exception>
    Task<Rehearsal?> Rehearse(CertName name, LaunchSpec spec, string userData, CancellationToken cancel);

    /// <summary>Ends the instance and removes all that is left of it; no error when there is none, or it ended before.</summary>
    /// <param name="name">Its certname.</param>
    /// <param name="instanceId">As <c>Start</c> returned; empty: unknown, it is found by its name.</param>
    /// <param name="since">When it was started, or may have been.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="ProviderException">It can't be ended now, or (younger than <see cref="Settling"/>) not be found yet.</exception>
    Task Stop(CertName name, string instanceId, DateTimeOffset since, CancellationToken cancel);

    /// <summary>What there is of the instance right now.</summary>
    /// <param name="name">Its certname.</param>
    /// <param name="instanceId">As <c>Start</c> returned; empty: unknown. Its mark may have been removed since.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="ProviderException">The provider does not say.</exception>
    Task<Sighting> Look(CertName name, string instanceId, CancellationToken cancel);

    /// <summary>
    /// Everything there is of ours, with or without a record: what carries our mark, in this account and deployment. Also what has ended,
    /// as long as the provider knows of it.
    /// </summary>
    /// <exception cref="ProviderException">The provider does not say, or not all of it.</exception>
    Task<IReadOnlyList<Listed>> Inventory(CancellationToken cancel);

    /// <summary>What its console shows, the last 64 KiB; null: nothing yet.</summary>
    /// <exception cref="ProviderException">The provider does not say.</exception>
    Task<string?> Console(CertName name, string instanceId, CancellationToken cancel);
}

/// <summary>An instance that was started.</summary>
/// <param name="InstanceId">The provider's id of it.</param>
/// <param name="Runs">False: it was accepted; that it runs, and where, <see cref="IProvider.Inventory"/> will show.</param>
internal sealed record Started(string InstanceId, bool Runs)
{
    /// <summary>Number of its place; null: the provider does not say.</summary>
    public int? Place { get; init; }

    /// <summary>The image that it was started from; empty: that of the spec.</summary>
    public string Image { get; init; } = "";
}

/// <summary>One of the places that a launch may go to.</summary>
/// <param name="Number">In the order to ask, from 0.</param>
/// <param name="Text">For people; empty: there is no other.</param>
/// <param name="Spec">Names this place alone.</param>
internal sealed record LaunchPlace(int Number, string Text, LaunchSpec Spec);

/// <summary>What a provider says of a launch that was not done.</summary>
/// <param name="Allowed">Null: it does not say.</param>
/// <param name="Why">Why not, or why it is not known; empty where it is allowed.</param>
internal sealed record Rehearsal(bool? Allowed, string Why)
{
    /// <summary>As in PreviewLaunchResponse.provider_verdict.</summary>
    public string Text => Allowed switch { true => "yes", false => $"no: {Why}", null => $"unknown: {Why}" };
}

/// <summary>One line of a provider's inventory.</summary>
/// <param name="Name">The certname in its mark; unvalidated text.</param>
/// <param name="Seen">State, id and addresses.</param>
/// <param name="Since">When it was started; null: the provider does not say.</param>
internal sealed record Listed(string Name, Sighting Seen, DateTimeOffset? Since);

/// <summary>An instance as its provider sees it.</summary>
/// <param name="State">"pending", "running", "stopped" or "gone".</param>
/// <param name="InstanceId">The provider's id; empty where there is no instance.</param>
/// <param name="Addresses">That its requests come from; empty unless it runs.</param>
internal sealed record Sighting(string State, string InstanceId, IReadOnlyList<string> Addresses)
{
    public const string Pending = "pending", Running = "running", Stopped = "stopped";

    public bool IsGone => State == Gone.State;

    /// <summary>More exactly, where it does not run: "stopping", "stopped", "shutting-down" or "terminated".</summary>
    public string Phase { get; init; } = State;

    /// <summary>Why, in the provider's words; empty: it does not say.</summary>
    public string Why { get; init; } = "";

    public static Sighting Gone { get; } = new("gone", "", []);
}

/// <summary>A provider refused. The message is for users, without the next step, and holds no secret.</summary>
/// <param name="final">Of a start: what was asked for can't be started, however often it is asked for; only another launch can.</param>
internal sealed class ProviderException(string message, bool final = false) : Exception(message)
{
    public bool Final { get; } = final;

    /// <summary>Of a start: what it says of the instance.</summary>
    public NotStarted Means { get; init; }

    /// <summary>Of a start: there was no room at this place; another may have some.</summary>
    public bool Elsewhere { get; init; }

    /// <summary>The provider's code of the error; empty: it has none.</summary>
    public string Code { get; init; } = "";
}

/// <summary>What a start that was refused says of the instance.</summary>
internal enum NotStarted
{
    /// <summary>Nothing: it may run, or come yet.</summary>
    Unclear,

    /// <summary>This attempt started none, and left nothing to be removed. One before it, whose answer was lost, may have.</summary>
    Nothing,

    /// <summary>It was started once and was ended at the provider, which starts no other of this name.</summary>
    Ended,
}
