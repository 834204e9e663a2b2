using System.Text;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Conductor.Launch;

/// <summary>
/// The launch spec in a request's record. A spec with places (subnets, further types, a second market) is written without instance_type,
/// all types in ec2.instance_types: a Conductor that does not know places would read past those fields and start a second instance at a
/// place of its own; a spec without a type it refuses. Pure.
/// </summary>
internal static class RecordedSpec
{
    private const string Ec2 = "ec2";

    public static string Write(LaunchSpec spec)
    {
        if (spec.Provider != Ec2 || spec.InstanceType.Length == 0
            || spec.Ec2 is not { } ec2
            || (ec2.SubnetIds.Count == 0 && ec2.InstanceTypes.Count == 0 && ec2.SpotFallback == SpotFallback.Unspecified))
        {
            return RecordJson.WriteText(spec);
        }
        var written = spec.Clone();
        written.Ec2.InstanceTypes.Insert(0, spec.InstanceType);
        written.InstanceType = "";
        return RecordJson.WriteText(written);
    }

    /// <returns>The spec as it was asked for.</returns>
    public static LaunchSpec Read(string text)
    {
        var spec = RecordJson.Read<LaunchSpec>(Encoding.UTF8.GetBytes(text));
        if (spec is { Provider: Ec2, InstanceType: "", Ec2.InstanceTypes.Count: > 0 })
        {
            spec.InstanceType = spec.Ec2.InstanceTypes[0];
            spec.Ec2.InstanceTypes.RemoveAt(0);
        }
        return spec;
    }
}
