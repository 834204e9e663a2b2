using System.Text.Json.Nodes;
using CloudNative.CloudEvents;
using CloudNative.CloudEvents.SystemTextJson;
using Google.Protobuf;
using Overture.Records.V1;

namespace Overture.Conductor.Webhooks;

/// <summary>
/// An event as a CloudEvent 1.0 in structured mode: all of it is in the body, so that the signature covers all of it. Pure.
/// </summary>
internal static class CloudEventBody
{
    public const string ContentType = "application/cloudevents+json";
    private static readonly JsonEventFormatter Formatter = new();

    /// <param name="found">Recorded, with its cursor.</param>
    /// <param name="id">Unlike that of any other event.</param>
    /// <param name="deployment">Empty: the only one.</param>
    public static byte[] Of(Event found, string id, string deployment)
    {
        var made = new CloudEvent
        {
            Id = id,
            Source = new Uri($"/overture/{(deployment.Length > 0 ? deployment : "default")}", UriKind.Relative),
            Type = found.Type,
            Subject = found.Certname,
            Time = found.At.ToDateTimeOffset(),
            DataContentType = "application/json",
            Data = JsonNode.Parse(JsonFormatter.Default.Format(found)),
        };
        return Formatter.EncodeStructuredModeMessage(made, out _).ToArray();
    }
}
