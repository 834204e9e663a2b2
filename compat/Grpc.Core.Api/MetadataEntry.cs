using System.Buffers;
using System.Text;

namespace Grpc.Core;

public sealed partial class Metadata
{
    private static readonly SearchValues<char> KeyCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789._-");

    /// <summary>One key with its value: bytes if the key ends in <c>-bin</c>, otherwise text.</summary>
    public class Entry
    {
        private readonly string? text;
        private readonly byte[]? bytes;

        /// <summary>A binary entry. The array is copied; the key must end in <c>-bin</c>.</summary>
        public Entry(string key, byte[] valueBytes)
        {
            ArgumentNullException.ThrowIfNull(valueBytes);
            Key = Normalise(key);
            if (!IsBinary)
            {
                throw new ArgumentException($"The key of a binary value must end in '{BinaryHeaderSuffix}'.", nameof(key));
            }

            bytes = (byte[])valueBytes.Clone();
        }

        /// <summary>A text entry. The key must not end in <c>-bin</c>.</summary>
        public Entry(string key, string value)
        {
            ArgumentNullException.ThrowIfNull(value);
            Key = Normalise(key);
            if (IsBinary)
            {
                throw new ArgumentException($"The key of a text value must not end in '{BinaryHeaderSuffix}'.", nameof(key));
            }

            text = value;
        }

        /// <summary>The key in lower case.</summary>
        public string Key { get; }

        /// <summary>The text. Throws <see cref="InvalidOperationException"/> for a binary entry.</summary>
        public string Value => text
            ?? throw new InvalidOperationException("A binary metadata entry has no text value.");

        /// <summary>A copy of the bytes; for a text entry its ASCII encoding.</summary>
        public byte[] ValueBytes => bytes is null ? Encoding.ASCII.GetBytes(Value) : (byte[])bytes.Clone();

        public bool IsBinary => Key.EndsWith(BinaryHeaderSuffix, StringComparison.Ordinal);

        public override string ToString() => bytes is null
            ? $"[Entry: key={Key}, value={text}]"
            : $"[Entry: key={Key}, valueBytes={bytes.Length} bytes]";

        private static string Normalise(string key)
        {
            ArgumentNullException.ThrowIfNull(key);
            var lower = key.ToLowerInvariant();
            if (lower.AsSpan().ContainsAnyExcept(KeyCharacters))
            {
                throw new ArgumentException("A metadata key may hold only letters, digits, '.', '_' and '-'.", nameof(key));
            }

            return lower;
        }
    }
}
