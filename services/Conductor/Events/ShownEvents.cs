using Google.Protobuf;
using Overture.Conductor.V1;
using Overture.Records.V1;

namespace Overture.Conductor.Events;

/// <summary>
/// Stored events and dead letters as the API shows them, so that a client needs no stored record to speak to it. Their fields have the same
/// numbers and types, so the bytes are the same; what the API leaves out is not sent. Pure.
/// </summary>
internal static class ShownEvents
{
    private static readonly MessageParser<InstanceEvent> Events = InstanceEvent.Parser.WithDiscardUnknownFields(true);

    private static readonly MessageParser<UndeliveredEvent> Letters = UndeliveredEvent.Parser.WithDiscardUnknownFields(true);

    public static InstanceEvent Of(Event stored) => Events.ParseFrom(stored.ToByteString());

    public static UndeliveredEvent Of(DeadLetter stored) => Letters.ParseFrom(stored.ToByteString());
}
