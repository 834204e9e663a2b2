using Overture.Conductor.V1;

namespace Overture.Conductor.Specs;

/// <summary>The keys below ec2.</summary>
internal sealed partial class LaunchDocument
{
    private void Ec2(Place place, Ec2Settings ec2) => Section(place, new(StringComparer.Ordinal)
    {
        ["account"] = p => ec2.Account = Text(p),
        ["region"] = p => ec2.Region = Text(p),
        ["image"] = p => Ec2Image(p, ec2.Image = new Ec2Image()),
        ["instance_types"] = p => ec2.InstanceTypes.AddRange(Texts(p)),
        ["subnet_id"] = p => ec2.SubnetId = Text(p),
        ["subnet_ids"] = p => ec2.SubnetIds.AddRange(Texts(p)),
        ["security_group_ids"] = p => ec2.SecurityGroupIds.AddRange(Texts(p)),
        ["instance_profile"] = p => ec2.InstanceProfile = Text(p),
        ["key_name"] = p => ec2.KeyName = Text(p),
        ["spot"] = p => ec2.Spot = Flag(p),
        ["spot_max_price"] = p => ec2.SpotMaxPrice = Text(p),
        ["spot_fallback"] = p => ec2.SpotFallback = Text(p) switch
        {
            "" => SpotFallback.Unspecified,
            "on-demand" => SpotFallback.OnDemand,
            _ => Wrong(p.Path, "must be on-demand", SpotFallback.Unspecified),
        },
        ["block_devices"] = p => ec2.BlockDevices.AddRange(Items(p).Select(BlockDevice)),
        ["public_address"] = p => ec2.PublicAddress = Flag(p),
        ["availability_zone"] = p => ec2.AvailabilityZone = Text(p),
        ["tags"] = p => Fill(p, ec2.Tags),
    });

    private void Ec2Image(Place place, Ec2Image image) => Section(place, new(StringComparer.Ordinal)
    {
        ["name"] = p => image.Name = Text(p),
        ["owner"] = p => image.Owner = Text(p),
        ["architecture"] = p => image.Architecture = Text(p),
    });

    private BlockDevice BlockDevice(Place place)
    {
        var device = new BlockDevice();
        Section(place, new(StringComparer.Ordinal)
        {
            ["device_name"] = p => device.DeviceName = Text(p),
            ["volume_size"] = p => device.VolumeSize = Whole(p, 1, 16384, "must be 1 to 16384 (GiB)"),
            ["volume_type"] = p => device.VolumeType = Text(p),
            ["encrypted"] = p => device.Encrypted = Flag(p),
        });
        return device;
    }
}
