using System.Text;
using Microsoft.Extensions.Logging;
using Overture.Conductor.Providers;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;

namespace Overture.Conductor.Launch;

/// <summary>profiles/&lt;name&gt;: what to launch, kept in the bucket, written through the service or directly.</summary>
internal sealed class ProfileStore(ObjectStore store, ProfileReader reader, ILogger<ProfileStore> log)
{
    /// <summary>What a request launches: its spec, or that of the profile it names (which then is the spec's profile too).</summary>
    /// <exception cref="FaultException">Both or neither, no such profile, or one that is not valid.</exception>
    public async Task<LaunchSpec> SpecOf(LaunchSpec? spec, string profile, CancellationToken cancel)
    {
        if (profile.Length == 0)
            return spec ?? throw FaultException.Invalid("spec", "must be set, or a profile must be named");
        if (spec is not null)
            throw FaultException.Invalid("profile", "must be empty where a spec is given");
        var (found, read) = await Find(profile, cancel);
        if (read.Problems.Count > 0)
            throw Invalid($"{ObjectKeys.Profile(profile)} is not valid", "profile", read.Problems);
        read.Spec.Profile = found.Name;
        return read.Spec;
    }

    /// <summary>By name, without the documents; valid or not.</summary>
    public async Task<IReadOnlyList<Profile>> List(CancellationToken cancel)
    {
        var profiles = new List<Profile>();
        await foreach (var key in store.List(ObjectKeys.Profiles, null, cancel))
        {
            var name = key[ObjectKeys.Profiles.Length..];
            if (!IsName(name) || await Listed(name, key, cancel) is not { } profile)
                continue;
            profile.Document = "";
            profiles.Add(profile);
        }
        return profiles;
    }

    // One that can't be read is listed as what it is, and hides no other.
    private async Task<Profile?> Listed(string name, string key, CancellationToken cancel)
    {
        try
        {
            return await store.Get(key, cancel) is { } found ? Of(name, found).Found : null;
        }
        catch (UnreadableObjectException e)
        {
            return new Profile { Name = name, Problems = { new ProfileProblem { Rule = e.Why } } };
        }
    }

    /// <exception cref="FaultException">NOT_FOUND.</exception>
    public async Task<Profile> Get(string name, CancellationToken cancel) => (await Find(name, cancel)).Found;

    public ValidateProfileResponse Validate(string document)
    {
        var read = reader.Read(document);
        return new() { Problems = { read.Problems }, Warnings = { read.Warnings } };
    }

    /// <summary>
    /// Writes a valid document in place of the version <paramref name="etag"/>; empty: of none. The same bytes again are no conflict.
    /// </summary>
    /// <param name="caller">For the log: the bucket does not say who wrote it.</param>
    /// <exception cref="FaultException">Every rule it breaks; ETAG_MISMATCH.</exception>
    public async Task<PutProfileResponse> Put(string caller, string name, string document, string etag, CancellationToken cancel)
    {
        CheckName(name);
        document = Utf8Text.WithoutMark(document);
        var checkedDocument = Validate(document);
        if (checkedDocument.Problems.Count > 0)
            throw Invalid("the document is not valid", "document", checkedDocument.Problems);
        var body = (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(document);
        var key = ObjectKeys.Profile(name);
        var outcome = etag.Length == 0 ? await store.PutIfAbsent(key, body, cancel) : await store.PutIfMatch(key, body, etag, cancel);
        var standing = await store.Get(key, cancel);
        if (standing is null || (outcome == PutOutcome.Conflict && !standing.Body.AsSpan().SequenceEqual(body.Span)))
        {
            throw new FaultException(FaultKind.Conflict, Reason.EtagMismatch, standing is null
                ? $"profile {name} no longer exists; put it without an etag to create it"
                : $"profile {name} is at version {standing.ETag}, not {(etag.Length == 0 ? "none" : etag)}; read it again, and give the "
                    + "etag that you read");
        }
        Log.ProfilePut(log, name, standing.ETag, caller);
        return new() { Profile = Of(name, standing).Found, Warnings = { checkedDocument.Warnings } };
    }

    private async Task<(Profile Found, ReadProfile Read)> Find(string name, CancellationToken cancel)
    {
        CheckName(name);
        var found = await store.Get(ObjectKeys.Profile(name), cancel)
            ?? throw new FaultException(FaultKind.NotFound, Reason.NotFound,
                $"no profile {name}: there is no object {ObjectKeys.Profile(name)}");
        return Of(name, found);
    }

    private (Profile Found, ReadProfile Read) Of(string name, StoredObject found)
    {
        var (document, read) = Read(found.Body);
        return (new Profile
        {
            Name = name,
            Document = document,
            Etag = found.ETag,
            Spec = read.Problems.Count == 0 ? read.Spec : null,
            Problems = { read.Problems },
        }, read);
    }

    private (string Document, ReadProfile Read) Read(byte[] body)
    {
        try
        {
            var document = Utf8Text.Read(body);
            return (document, reader.Read(document));
        }
        catch (NotUtf8Exception e)
        {
            return ("", new ReadProfile(new LaunchSpec(), [new ProfileProblem { Line = e.Line, Rule = e.Rule }]));
        }
    }

    private static void CheckName(string name)
    {
        if (!IsName(name))
            throw FaultException.Invalid("profile", "must be 1-64 of [a-z0-9._-] and not begin with a dot");
    }

    private static bool IsName(string name) =>
        name.Length is > 0 and <= 64 && name[0] != '.'
            && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '.' or '_' or '-');

    private static FaultException Invalid(string what, string field, IReadOnlyList<ProfileProblem> problems)
    {
        var fields = problems.Select(p =>
            new FieldProblem(p.Field.Length == 0 ? field : p.Field, p.Line == 0 ? p.Rule : $"{p.Rule} (line {p.Line})")).ToArray();
        return new FaultException(FaultKind.Invalid, Reason.InvalidField,
            $"{what}: {string.Join("; ", fields.Select(f => $"{f.Field} {f.Rule}"))}", fields);
    }
}
