using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;
using Overture.Conductor.Launch;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Providers.Ec2;

/// <summary>
/// A launch spec as parameters of RunInstances, and the rules it must keep. Pure: the same launch gives the same bytes, or the client token
/// is refused.
/// </summary>
internal static partial class Ec2Launch
{
    private const int MaxDisks = 26, MaxGroups = 16, LargestDisk = 16_384, MaxTags = 40, MaxPlain = 12 * 1024;

    public static IEnumerable<FieldProblem> Check(LaunchSpec spec, Ec2Dialect dialect)
    {
        var ec2 = spec.Ec2 ?? new Ec2Settings();
        var problems = new List<FieldProblem>();
        void Rule(bool kept, string field, string rule)
        {
            if (!kept)
                problems.Add(new(field, rule));
        }

        Rule(Image().IsMatch(spec.Image), "image", "must be an image id such as ami-0123456789abcdef0");
        Rule(TypeName().IsMatch(spec.InstanceType), "instance_type", "must be an instance type such as t3.micro");
        Rule(ec2.SubnetId.Length == 0 || Id("subnet").IsMatch(ec2.SubnetId), "ec2.subnet_id", "must be subnet-…");
        Rule(ec2.SecurityGroupIds.Count <= MaxGroups && ec2.SecurityGroupIds.All(Id("sg").IsMatch), "ec2.security_group_ids",
            $"must be at most {MaxGroups} of sg-…");
        Rule(ec2.InstanceProfile.Length <= 256 && ec2.InstanceProfile.All(c => c is > ' ' and < '\u007f'), "ec2.instance_profile",
            "must be a name or an ARN");
        Rule(ec2.InstanceProfile.Length == 0 || dialect.InstanceProfile, "ec2.instance_profile", "has no effect at this endpoint");
        Rule(ec2.KeyName.Length <= 255 && ec2.KeyName.All(c => c is >= ' ' and < '\u007f'), "ec2.key_name",
            "must have at most 255 printable ASCII characters");
        Rule(!ec2.Spot || dialect.Spot, "ec2.spot", "is not supported by this endpoint");
        Rule(ec2.SpotMaxPrice.Length == 0 || (ec2.Spot && Price().IsMatch(ec2.SpotMaxPrice)), "ec2.spot_max_price",
            "must be dollars an hour such as 0.05, and requires spot");
        Rule(ec2.BlockDevices.Count <= MaxDisks, "ec2.block_devices", $"must be at most {MaxDisks}");
        foreach (var disk in ec2.BlockDevices)
        {
            Rule(Device().IsMatch(disk.DeviceName), "ec2.block_devices.device_name", "must be a device such as /dev/xvda");
            Rule(disk.VolumeSize is >= 0 and <= LargestDisk, "ec2.block_devices.volume_size",
                $"must be 1-{LargestDisk} GiB, or 0 for the image's");
            Rule(disk.VolumeType.Length == 0 || TypeName().IsMatch(disk.VolumeType), "ec2.block_devices.volume_type",
                "must be a volume type such as gp3");
        }
        Rule(ec2.Tags.Count <= MaxTags, "ec2.tags", $"must be at most {MaxTags}");
        foreach (var (key, value) in ec2.Tags)
        {
            Rule(key.Length is > 0 and <= 127 && !key.StartsWith("aws:", StringComparison.OrdinalIgnoreCase)
                && !key.StartsWith("overture:", StringComparison.OrdinalIgnoreCase),
                $"ec2.tags.{key}", "must have a key of 1-127 characters that begins neither with aws: nor with overture:");
            Rule(value.Length <= 255, $"ec2.tags.{key}", "must have a value of at most 255 characters");
        }
        return problems;
    }

    public static IEnumerable<(string Name, string Value)> Fields(CertName name, LaunchSpec spec, string userData, string deployment,
        Ec2Dialect dialect)
    {
        var ec2 = spec.Ec2 ?? new Ec2Settings();
        yield return ("ImageId", spec.Image);
        yield return ("InstanceType", spec.InstanceType);
        yield return ("MinCount", "1");
        yield return ("MaxCount", "1");
        yield return ("ClientToken", name.ToString());
        yield return ("UserData", Convert.ToBase64String(Packed(userData)));
        yield return ("InstanceInitiatedShutdownBehavior", "terminate");
        yield return ("KeyName", ec2.KeyName);
        yield return (ec2.InstanceProfile.StartsWith("arn:", StringComparison.Ordinal) ? "IamInstanceProfile.Arn"
            : "IamInstanceProfile.Name", ec2.InstanceProfile);
        yield return ("Placement.AvailabilityZone", ec2.AvailabilityZone);
        // A public address can only be asked for of an interface, which then holds subnet and groups.
        var at = ec2.HasPublicAddress ? "NetworkInterface.1." : "";
        if (ec2.HasPublicAddress)
        {
            yield return ("NetworkInterface.1.DeviceIndex", "0");
            yield return ("NetworkInterface.1.AssociatePublicIpAddress", Text(ec2.PublicAddress));
        }
        yield return ($"{at}SubnetId", ec2.SubnetId);
        foreach (var (index, group) in ec2.SecurityGroupIds.Index())
            yield return ($"{at}SecurityGroupId.{index + 1}", group);
        foreach (var (index, disk) in ec2.BlockDevices.Index())
        {
            var prefix = $"BlockDeviceMapping.{index + 1}.";
            yield return ($"{prefix}DeviceName", disk.DeviceName);
            yield return ($"{prefix}Ebs.VolumeSize", disk.VolumeSize == 0 ? "" : disk.VolumeSize.ToString(CultureInfo.InvariantCulture));
            yield return ($"{prefix}Ebs.VolumeType", disk.VolumeType);
            // A disk that is added stays and costs otherwise.
            yield return ($"{prefix}Ebs.DeleteOnTermination", "true");
            yield return ($"{prefix}Ebs.Encrypted", disk.Encrypted ? "true" : "");
        }
        if (dialect.MetadataOptions)
        {
            yield return ("MetadataOptions.HttpEndpoint", "enabled");
            yield return ("MetadataOptions.HttpTokens", "required");
            yield return ("MetadataOptions.HttpPutResponseHopLimit", "1");
        }
        if (ec2.Spot)
        {
            yield return ("InstanceMarketOptions.MarketType", "spot");
            yield return ("InstanceMarketOptions.SpotOptions.SpotInstanceType", "one-time");
            yield return ("InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior", "terminate");
            yield return ("InstanceMarketOptions.SpotOptions.MaxPrice", ec2.SpotMaxPrice);
        }
        if (dialect.TagOnCreate)
        {
            yield return ("TagSpecification.1.ResourceType", "instance");
            foreach (var (tagName, value) in Tags(name, spec, deployment, "TagSpecification.1."))
                yield return (tagName, value);
        }
    }

    /// <summary>Tag.1.Key, Tag.1.Value and so on, behind the prefix.</summary>
    public static IEnumerable<(string Name, string Value)> Tags(CertName name, LaunchSpec spec, string deployment, string prefix)
    {
        var tags = new SortedDictionary<string, string>(spec.Ec2?.Tags ?? [], StringComparer.Ordinal)
        {
            [Ec2Tags.CertName] = name.ToString(),
            [Ec2Tags.Deployment] = deployment,
        };
        tags.TryAdd("Name", spec.Profile.Length > 0 ? $"{spec.Profile}-{name.ToString()[..8]}" : name.ToString());
        foreach (var (index, tag) in tags.Index())
        {
            yield return ($"{prefix}Tag.{index + 1}.Key", tag.Key);
            yield return ($"{prefix}Tag.{index + 1}.Value", tag.Value);
        }
    }

    // cloud-init unpacks gzip by itself. No time and no name in its header: the same text gives the same bytes.
    private static byte[] Packed(string userData)
    {
        var plain = Encoding.UTF8.GetBytes(userData);
        if (plain.Length <= MaxPlain)
            return plain;
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
            gzip.Write(plain);
        return packed.Length < plain.Length ? packed.ToArray() : plain;
    }

    private static string Text(bool flag) => flag ? "true" : "false";

    private static Regex Id(string kind) => kind == "sg" ? GroupId() : SubnetId();

    [GeneratedRegex(@"\A[ae]mi-[0-9a-fA-F]{8,17}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Image();

    [GeneratedRegex(@"\A[a-z0-9][a-z0-9.-]{0,62}\z", RegexOptions.CultureInvariant)]
    private static partial Regex TypeName();

    [GeneratedRegex(@"\Asubnet-[0-9a-f]{8,17}\z", RegexOptions.CultureInvariant)]
    private static partial Regex SubnetId();

    [GeneratedRegex(@"\Asg-[0-9a-f]{8,17}\z", RegexOptions.CultureInvariant)]
    private static partial Regex GroupId();

    [GeneratedRegex(@"\A[0-9]{1,4}(\.[0-9]{1,6})?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Price();

    [GeneratedRegex(@"\A(/dev/)?[a-z0-9]{1,20}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Device();
}
