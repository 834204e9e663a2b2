using Grpc.Core;
using Overture.Conductor.Launch;
using Overture.Conductor.V1;
using Overture.Platform.Rpc;

namespace Overture.Conductor.Api;

/// <summary>Launch profiles.</summary>
internal sealed class ProfilesApi(ProfileStore profiles) : ConductorService.ConductorServiceBase
{
    public override async Task<ListProfilesResponse> ListProfiles(ListProfilesRequest request, ServerCallContext context) =>
        new() { Profiles = { await profiles.List(context.CancellationToken) } };

    public override async Task<GetProfileResponse> GetProfile(GetProfileRequest request, ServerCallContext context) =>
        new() { Profile = await profiles.Get(request.Name, context.CancellationToken) };

    public override Task<ValidateProfileResponse> ValidateProfile(ValidateProfileRequest request, ServerCallContext context) =>
        Task.FromResult(profiles.Validate(WholeText.Of(request).Document));

    public override Task<PutProfileResponse> PutProfile(PutProfileRequest request, ServerCallContext context) =>
        profiles.Put(context.Peer().Caller, WholeText.Of(request).Name, request.Document, request.Etag, context.CancellationToken);
}
