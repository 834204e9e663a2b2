using System.Collections;
using Google.Protobuf;
using Overture.Platform.Faults;

namespace Overture.Platform.Rpc;

/// <summary>
/// Messages whose texts are to be stored hold no U+FFFD: clients put it in the place of bytes that are not UTF-8 and say nothing. (Such
/// bytes on the wire are refused by protobuf's parser, and the caller reads UNKNOWN.)
/// </summary>
public static class WholeText
{
    private const char Replacement = '\uFFFD';

    /// <returns>The message itself.</returns>
    /// <exception cref="FaultException">Every field that holds one.</exception>
    public static T Of<T>(T message) where T : IMessage
    {
        var garbled = Fields(message, "").Select(
            f => new FieldProblem(f, "is not UTF-8 (it holds U+FFFD, which replaces invalid bytes): send it as UTF-8")).ToArray();
        return garbled.Length == 0 ? message : throw FaultException.Invalid(garbled);
    }

    private static IEnumerable<string> Fields(object? value, string path) => value switch
    {
        string text => text.Contains(Replacement) ? [path] : [],
        IMessage message => message.Descriptor.Fields.InFieldNumberOrder()
            .SelectMany(f => Fields(f.Accessor.GetValue(message), path.Length == 0 ? f.Name : $"{path}.{f.Name}")),
        IDictionary map => map.Keys.Cast<object>().SelectMany(k => Fields(k, path).Concat(Fields(map[k], $"{path}.{k}"))),
        IEnumerable list and not ByteString => list.Cast<object?>().SelectMany((item, i) => Fields(item, $"{path}[{i}]")),
        _ => [],
    };
}
