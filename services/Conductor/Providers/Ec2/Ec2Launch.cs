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
    private const int MaxDisks = 26, MaxGroups = 16, LargestDisk = 16_384, MaxTags = 40, MaxPlain = 12 * 1024, MaxSubnets = 8,
        MaxFurtherTypes = 7;

    public static IEnumerable<FieldProblem> Check(LaunchSpec spec, Ec2Dialect dialect)
    {
        var ec2 = spec.Ec2 ?? new Ec2Settings();
        var problems = new List<FieldProblem>();
        void Rule(bool kept, string field, string rule)
        {
            if (!kept)
                problems.Add(new(field, rule));
        }

        CheckImage(spec, dialect, Rule);
        CheckPlaces(spec, Rule);
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

    private static void CheckImage(LaunchSpec spec, Ec2Dialect dialect, Action<bool, string, string> rule)
    {
        if (spec.Ec2?.Image is { } wanted)
        {
            rule(spec.Image.Length == 0, "image", "must be empty beside ec2.image");
            rule(wanted.Name.Length is > 0 and <= 128 && wanted.Name.All(c => c is >= ' ' and < '\u007f')
                && wanted.Name.Trim('*').Length > 0,
                "ec2.image.name", "must be 1-128 printable ASCII characters, not * alone");
            rule(IsAccount(wanted.Owner) || (dialect.ImageOwner && OwnerAlias().IsMatch(wanted.Owner)), "ec2.image.owner",
                dialect.ImageOwner ? "must be an account's number or an alias such as self or amazon: anyone may give an image any name"
                    : "must be an account's number or a project's id (32 hex digits): this endpoint looks up no alias, and anyone may give "
                        + "an image any name");
            rule(wanted.Architecture is "" or "x86_64" or "arm64", "ec2.image.architecture", "must be x86_64 or arm64");
        }
        else if (spec.Image.StartsWith(Ec2Images.Alias, StringComparison.Ordinal))
        {
            rule(dialect.ImageAlias, "image", "has an alias, which this endpoint does not look up: give an image id, or ec2.image");
            rule(AliasName().IsMatch(spec.Image), "image",
                $"must be {Ec2Images.Alias}/… with a parameter's name, or {Ec2Images.Alias}NAME:VERSION");
        }
        else
        {
            rule(Image().IsMatch(spec.Image), "image", "must be an image id such as ami-0123456789abcdef0");
        }
    }

    private static void CheckPlaces(LaunchSpec spec, Action<bool, string, string> rule)
    {
        var ec2 = spec.Ec2 ?? new Ec2Settings();
        rule(ec2.SubnetIds.Count <= MaxSubnets && ec2.SubnetIds.All(SubnetId().IsMatch) && AllDiffer(ec2.SubnetIds), "ec2.subnet_ids",
            $"must be at most {MaxSubnets} of subnet-…, none of them twice");
        rule(ec2.SubnetIds.Count == 0 || ec2.SubnetId.Length == 0, "ec2.subnet_id", "must be empty beside subnet_ids");
        rule(ec2.SubnetIds.Count < 2 || ec2.AvailabilityZone.Length == 0, "ec2.availability_zone",
            "must be empty beside several subnet_ids: each is in its own");
        rule(ec2.InstanceTypes.Count <= MaxFurtherTypes && ec2.InstanceTypes.All(TypeName().IsMatch)
            && AllDiffer([spec.InstanceType, .. ec2.InstanceTypes]), "ec2.instance_types",
            $"must be at most {MaxFurtherTypes} instance types such as t3.micro, none of them twice, instance_type included");
        rule(ec2.SpotFallback == SpotFallback.Unspecified || (ec2.Spot && ec2.SpotFallback == SpotFallback.OnDemand), "ec2.spot_fallback",
            "must be on-demand, and requires spot");
        rule(Ec2Places.Of(spec).Count <= Ec2Places.Most, "ec2.instance_types",
            $"must make at most {Ec2Places.Most} places with subnet_ids, twice as many with spot_fallback");
    }

    /// <summary>An owner's own id, no alias: an account's number at AWS, a project's id in OpenStack.</summary>
    public static bool IsAccount(string owner) => Account().IsMatch(owner);

    private static bool AllDiffer(IReadOnlyCollection<string> all) => all.Distinct(StringComparer.Ordinal).Count() == all.Count;

    /// <param name="place">Decides the client token (<see cref="Ec2Places.Token"/>).</param>
    public static IEnumerable<(string Name, string Value)> Fields(CertName name, LaunchSpec spec, string userData, string deployment,
        Ec2Dialect dialect, int place = 0)
    {
        var ec2 = spec.Ec2 ?? new Ec2Settings();
        yield return ("ImageId", spec.Image);
        yield return ("InstanceType", spec.InstanceType);
        yield return ("MinCount", "1");
        yield return ("MaxCount", "1");
        yield return ("ClientToken", Ec2Places.Token(name, place));
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

    [GeneratedRegex(@"\Aresolve:ssm:[A-Za-z0-9_./-]{1,200}(:[A-Za-z0-9_.-]{1,32})?\z", RegexOptions.CultureInvariant)]
    private static partial Regex AliasName();

    [GeneratedRegex(@"\A([0-9]{12}|[0-9a-f]{32})\z", RegexOptions.CultureInvariant)]
    private static partial Regex Account();

    [GeneratedRegex(@"\A[a-z][a-z0-9-]{1,31}\z", RegexOptions.CultureInvariant)]
    private static partial Regex OwnerAlias();

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
