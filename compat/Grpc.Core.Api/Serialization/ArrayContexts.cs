using System.Buffers;

namespace Grpc.Core;

/// <summary>Gathers one message in an array, for <see cref="Marshaller{T}.Serializer"/>.</summary>
internal sealed class ArraySerializationContext : SerializationContext
{
    private ArrayBufferWriter<byte>? buffer;
    private byte[]? payload;

    public byte[] Payload => payload
        ?? throw new InvalidOperationException("The serializer did not complete the message.");

    public override void Complete(byte[] payload)
    {
        ArgumentNullException.ThrowIfNull(payload);
        ThrowIfComplete();
        this.payload = payload;
    }

    public override IBufferWriter<byte> GetBufferWriter()
    {
        ThrowIfComplete();
        return buffer ??= new ArrayBufferWriter<byte>();
    }

    public override void Complete()
    {
        ThrowIfComplete();
        payload = buffer is null ? [] : buffer.WrittenSpan.ToArray();
    }

    private void ThrowIfComplete()
    {
        if (payload is not null)
        {
            throw new InvalidOperationException("The message is already complete.");
        }
    }
}

/// <summary>Offers an array as one message, for <see cref="Marshaller{T}.Deserializer"/>.</summary>
internal sealed class ArrayDeserializationContext(byte[] payload) : DeserializationContext
{
    public override int PayloadLength => payload.Length;

    public override byte[] PayloadAsNewBuffer() => (byte[])payload.Clone();

    public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => new(payload);
}
