using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Overture.Classifier.V1;
using Overture.Console.Layout;
using Overture.Console.Services;
using Overture.Console.Sessions;
using Overture.Platform.Connections;
using Overture.Platform.Faults;

namespace Overture.Console.Definitions;

/// <summary>
/// Changes of what nodes are to be: write, look at the difference, save. What someone else saved meanwhile is shown, and neither text is
/// lost: the Classifier replaces only the version that the person saw.
/// </summary>
internal static class EditPages
{
    // What the Classifier takes, of which each byte may be three in a form.
    private const int LargestText = 256 * 1024, LargestForm = 1024 * 1024;

    private static readonly TimeSpan Long = TimeSpan.FromSeconds(30);

    public static void Map(IEndpointRouteBuilder app)
    {
        app.MapGet("/definitions/{name}/edit", (HttpContext http, string name) => Begin(http, name)).OnListener(ConsoleHost.Web);
        app.MapPost("/definitions/{name}/edit", (HttpContext http, string name) => Step(http, name)).OnListener(ConsoleHost.Web);
        app.MapGet("/layers/edit", (Delegate)((HttpContext http) => Begin(http, ""))).OnListener(ConsoleHost.Web);
        app.MapPost("/layers/edit", (Delegate)((HttpContext http) => Step(http, ""))).OnListener(ConsoleHost.Web);
        app.MapGet("/definitions/{name}/delete", AskDelete).OnListener(ConsoleHost.Web);
        app.MapPost("/definitions/{name}/delete", Delete).OnListener(ConsoleHost.Web);
    }

    /// <param name="name">Empty: the layers.</param>
    private static async Task<IResult> Begin(HttpContext http, string name)
    {
        var (calls, from) = (Calls.Of(http), $"{http.Request.Query["from"]}");
        var stored = await StoredText.Read(calls, name);
        var edit = new Edit(name, stored, stored.Document) { Etag = stored.Etag };
        // An earlier version is only a text to begin with: it is looked at and saved as any other.
        if (from.Length > 0)
        {
            var history = (await calls.Classifier((c, o) => c.ListHistoryAsync(new() { Certname = name, PageSize = 500 }, o))).Demand();
            var entry = history.Entries.FirstOrDefault(e => e.Id == from)
                ?? throw new FormException("There is no such version in the history.");
            edit = edit with { Document = entry.Document, Reason = $"rollback to {entry.Id}" };
        }
        return Html(http, edit);
    }

    private static async Task<IResult> Step(HttpContext http, string name)
    {
        // 1. What the person wrote, and what is stored now. A form of who may not save it is not worth comparing.
        if (!Session.Required(http).MayChange)
            throw new PageException(ReadOnly(http));
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } most)
            most.MaxRequestBodySize = LargestForm;
        var form = await Forms.Read(http);
        // Forms send each end of a line as two characters; others that Unicode has belong to the text.
        var document = $"{form["document"]}".Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        if (Encoding.UTF8.GetByteCount(document) > LargestText)
            throw new FormException($"The text has more than {LargestText / 1024} KiB, which is the most that is stored.");
        var calls = Calls.Of(http);
        var stored = await StoredText.Read(calls, name);
        var edit = new Edit(name, stored, document)
        {
            Etag = $"{form["etag"]}", Reason = $"{form["reason"]}".Trim(), Check = form["check"] == "1",
            Unregistered = form["unregistered"] == "1",
        };
        // 2. Someone else saved meanwhile: both texts side by side, and from now on it is that version which would be replaced.
        if (edit.Etag != stored.Etag)
            return Html(http, edit with { Etag = stored.Etag, Overtaken = true }, StatusCodes.Status409Conflict);
        // 3. The Classifier's rules, then the difference.
        if (form["step"] != "save")
        {
            var (warnings, wrong) = await Put(calls, edit, onlyValidate: true);
            return wrong is null ? Html(http, edit with { Reviewed = true, Warnings = warnings }) : Refused(http, edit, wrong);
        }
        // 4. Against that version.
        if (edit.Reason.Length is 0 or > Forms.LongestReason)
            throw new FormException($"A reason of 1 to {Forms.LongestReason} characters is needed: it is kept in the records.");
        var (_, trouble) = await Put(calls, edit, onlyValidate: false);
        if (trouble is null)
            return Results.LocalRedirect($"{edit.Address}?done=saved", preserveMethod: false);
        if (trouble.Reason is not ("ETAG_MISMATCH" or "ALREADY_EXISTS"))
            return Refused(http, edit, trouble);
        stored = await StoredText.Read(calls, name);
        return Html(http, edit with { Stored = stored, Etag = stored.Etag, Overtaken = true }, StatusCodes.Status409Conflict);
    }

    private static Trouble ReadOnly(HttpContext http) => new("console", Grpc.Core.StatusCode.PermissionDenied, Reason.RoleMissing.Code(),
        $"{Session.Required(http).Person} may read only: it takes the role operator or admin", "", "");

    // What the text breaks is said beside it; anything else is a page of its own.
    private static IResult Refused(HttpContext http, Edit edit, Trouble trouble) =>
        trouble.Reason is "INVALID_FIELD" or "DEFINITION_INVALID" or "TOO_LARGE" or "NODE_UNREGISTERED" or "PUPPET_CODE_MISSING"
            or "PUPPETSERVER_UNAVAILABLE"
            ? Html(http, edit with { Wrong = trouble }, StatusCodes.Status400BadRequest) : throw new PageException(trouble);

    private static async Task<(IReadOnlyList<DefinitionWarning> Warnings, Trouble? Trouble)> Put(Calls calls, Edit edit, bool onlyValidate)
    {
        // A Classifier of before validate_only would store it: without a reason it refuses.
        var reason = onlyValidate ? "" : edit.Reason;
        if (edit.Name.Length > 0)
        {
            var request = new PutNodeRequest
            {
                Certname = edit.Name, Definition = edit.Document, Etag = edit.Etag, Reason = reason, CheckPuppetserver = edit.Check,
                AllowUnregistered = edit.Unregistered, ValidateOnly = onlyValidate,
            };
            var node = await calls.Classifier((c, o) => c.PutNodeAsync(request, o), Long);
            return (node.Value?.Warnings ?? [], node.Trouble);
        }
        var layers = await calls.Classifier((c, o) => c.PutLayersAsync(new() { Document = edit.Document, Etag = edit.Etag,
            Reason = reason, CheckPuppetserver = edit.Check, ValidateOnly = onlyValidate }, o), Long);
        return (layers.Value?.Warnings ?? [], layers.Trouble);
    }

    private static IResult Html(HttpContext http, Edit edit, int status = StatusCodes.Status200OK) => Page.Html<EditPage>(status,
        ("Frame", Frame.Of(http, $"Edit {edit.Title}", "definitions") with { Command = edit.Command, Json = "" }), ("Edit", edit),
        ("MayChange", Session.Required(http).MayChange));

    private static async Task<IResult> AskDelete(HttpContext http, string name)
    {
        var node = (await Calls.Of(http).Classifier((c, o) => c.GetNodeAsync(new() { Certname = name }, o))).Demand().Node;
        return Page.Html<DeletePage>(("Frame", Frame.Of(http, $"Delete the definition of {Names.Short(name)}?", "definitions") with
            { Command = $"overture node delete {node.Certname}", Json = "" }), ("Node", node),
            ("MayChange", Session.Required(http).MayChange));
    }

    private static async Task<IResult> Delete(HttpContext http, string name)
    {
        var form = await Forms.Read(http);
        var (etag, reason, force) = ($"{form["etag"]}", Forms.Reason(form), form["force"] == "1");
        (await Calls.Of(http).Classifier((c, o) =>
            c.DeleteNodeAsync(new() { Certname = name, Etag = etag, Reason = reason, Force = force }, o))).Demand();
        return Results.LocalRedirect("/definitions?done=deleted", preserveMethod: false);
    }
}
