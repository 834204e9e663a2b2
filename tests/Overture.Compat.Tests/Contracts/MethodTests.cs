using System.Buffers;

namespace Overture.Compat.Tests.Contracts;

public sealed class MethodTests
{
    private static readonly Marshaller<string> Text = Marshallers.StringMarshaller;

    [Fact]
    public void FullName_OfAMethod_IsThePath()
    {
        var method = new Method<string, string>(MethodType.DuplexStreaming, "a.b.Service", "Do", Text, Text);

        Assert.Equal("/a.b.Service/Do", method.FullName);
        Assert.Equal(("a.b.Service", "Do", MethodType.DuplexStreaming), (method.ServiceName, method.Name, method.Type));
    }

    [Fact]
    public void StringMarshaller_AnyText_IsUtf8BothWays()
    {
        Assert.Equal("zürich"u8.ToArray(), Text.Serializer("zürich"));
        Assert.Equal("zürich", Text.Deserializer("zürich"u8.ToArray()));
    }

    [Fact]
    public void Marshaller_MadeOfArrayFunctions_WorksOnContextsToo()
    {
        var marshaller = Marshallers.Create(value => BitConverter.GetBytes(value), bytes => BitConverter.ToInt32(bytes));
        var written = new RecordingContext();

        marshaller.ContextualSerializer(77, written);

        Assert.NotNull(written.Payload);
        Assert.Equal(77, marshaller.ContextualDeserializer(new GivenContext(written.Payload)));
    }

    [Fact]
    public void Marshaller_MadeOfContextFunctions_DoesNotWorkOnArrays()
    {
        var marshaller = Marshallers.Create<string>((_, context) => context.Complete([1]), _ => "");

        Assert.Throws<NotImplementedException>(() => marshaller.Serializer("x"));
        Assert.Throws<NotImplementedException>(() => marshaller.Deserializer([1]));
    }

    [Fact]
    public void SerializationContext_NothingOverridden_OnlyTakesTheLength()
    {
        var context = new BareContext();

        context.SetPayloadLength(3);

        Assert.Throws<NotImplementedException>(() => context.Complete([1]));
        Assert.Throws<NotImplementedException>(context.Complete);
        Assert.Throws<NotImplementedException>(() => { context.GetBufferWriter(); });
    }

    private sealed class BareContext : SerializationContext;

    private sealed class RecordingContext : SerializationContext
    {
        public byte[]? Payload { get; private set; }

        public override void Complete(byte[] payload) => Payload = payload;
    }

    private sealed class GivenContext(byte[] payload) : DeserializationContext
    {
        public override int PayloadLength => payload.Length;

        public override byte[] PayloadAsNewBuffer() => payload;

        public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => new(payload);
    }
}
