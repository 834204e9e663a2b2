using System.Text;
using Google.Protobuf;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>
/// profiles/&lt;name&gt;: launch specs that people keep in the bucket, proto JSON of a LaunchSpec. Read strictly, since people write them: an
/// unknown key is an error, not a default.
/// </summary>
internal sealed class ProfileStore(ObjectStore store)
{
    /// <summary>What a request launches: its spec, or that of the profile it names (which then is the spec's profile too).</summary>
    /// <exception cref="FaultException">Both or neither, no such profile, or one that does not parse.</exception>
    public async Task<LaunchSpec> SpecOf(LaunchInstancesRequest request, CancellationToken cancel)
    {
        if (request.Profile.Length == 0)
            return request.Spec ?? throw FaultException.Invalid("spec", "must be set, or a profile named");
        if (request.Spec is not null)
            throw FaultException.Invalid("profile", "must be empty where a spec is given");
        if (request.Profile.Length > 64 || request.Profile[0] == '.' || request.Profile.Any(c => !char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c is not ('.' or '_' or '-')))
            throw FaultException.Invalid("profile", "must be 1-64 of [a-z0-9._-] and not begin with a dot");
        var found = await store.Get(ObjectKeys.Profile(request.Profile), cancel)
            ?? throw new FaultException(FaultKind.NotFound, Reason.NotFound, $"no profile {request.Profile}: there is no object {ObjectKeys.Profile(request.Profile)}");
        try
        {
            var spec = JsonParser.Default.Parse<LaunchSpec>(Encoding.UTF8.GetString(found.Body));
            spec.Profile = request.Profile;
            return spec;
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidJsonException)
        {
            throw FaultException.Invalid("profile", $"{ObjectKeys.Profile(request.Profile)} is not a LaunchSpec: {e.Message}");
        }
    }
}
