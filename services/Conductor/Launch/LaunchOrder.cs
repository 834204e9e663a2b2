using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>What a launch was asked for by.</summary>
internal enum LaunchSource
{
    /// <summary>A whole launch spec: the node's definition is in it.</summary>
    Spec,

    /// <summary>The name of a stored profile: the node's definition only names that, so that an edit of it reaches the node.</summary>
    Profile,
}

/// <summary>A request as it is recorded, before any of its instances.</summary>
/// <param name="Caller">Request ids are per caller.</param>
/// <param name="Id">The caller's name for it (<see cref="Specs.RequestId"/>).</param>
/// <param name="BodySha256">Of all that was asked for: the same id with another is refused.</param>
/// <param name="Spec">As asked for.</param>
/// <param name="Source">What it was asked for by.</param>
/// <param name="Names">One for each instance; those of the first time count.</param>
internal sealed record RequestedLaunch(
    string Caller, string Id, string BodySha256, LaunchSpec Spec, LaunchSource Source, IReadOnlyList<CertName> Names);

/// <summary>One instance of a request.</summary>
/// <param name="Plan">Checked.</param>
/// <param name="Caller">Of the request.</param>
/// <param name="RequestId">Of the request.</param>
/// <param name="Provider">Starts it; null: the caller does (a registration).</param>
/// <param name="Traceparent">Of the launch that is going on; the record keeps that of the first one.</param>
internal sealed record LaunchOrder(
    CertName Name, LaunchPlan Plan, string Caller, string RequestId, IProvider? Provider, string Traceparent)
{
    /// <summary>The image to record; null: it could not be found, and what is recorded already has its own.</summary>
    public string? Image { get; init; } = Plan.Spec.Image;
}
