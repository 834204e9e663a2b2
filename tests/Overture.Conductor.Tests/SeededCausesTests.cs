using Amazon.Runtime;
using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.Providers.Ec2;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Platform.Registry;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>
/// The causes that this machine can't make for real: a cloud's refusals by the EC2 double, consoles as clouds have shown them, and time.
/// Each is named first, with its proof and a next step; those that are made for real are in EndToEnd.Tests.
/// </summary>
[Trait("Category", "integration")]
public sealed class SeededCausesTests(SeededCausesTests.Cloud world) : IClassFixture<SeededCausesTests.Cloud>
{
    // Its code, its HTTP status, the cause.
    public static TheoryData<string, int, string> Refusals => new()
    {
        { "InsufficientInstanceCapacity", 500, "CLOUD_CAPACITY" },
        { "InsufficientHostCapacity", 500, "CLOUD_CAPACITY" },
        { "SpotMaxPriceTooLow", 400, "SPOT_CAPACITY" },
        { "MaxSpotInstanceCountExceeded", 400, "SPOT_CAPACITY" },
        { "InsufficientFreeAddressesInSubnet", 400, "SUBNET_FULL" },
        { "RequestLimitExceeded", 503, "CLOUD_THROTTLED" },
        { "VcpuLimitExceeded", 400, "CLOUD_QUOTA" },
        { "InstanceLimitExceeded", 400, "CLOUD_QUOTA" },
        { "PendingVerification", 400, "CLOUD_VERIFYING" },
        { "InvalidAMIID.NotFound", 400, "IMAGE_UNKNOWN" },
        { "InvalidInstanceType", 400, "INSTANCE_TYPE" },
        { "InvalidSubnetID.NotFound", 400, "SUBNET_UNKNOWN" },
        { "InvalidGroup.NotFound", 400, "SECURITY_GROUP_UNKNOWN" },
        { "InvalidKeyPair.NotFound", 400, "KEY_PAIR_UNKNOWN" },
        { "VPCIdNotSpecified", 400, "VPC_MISSING" },
        { "UnauthorizedOperation", 403, "CLOUD_RIGHTS" },
        { "AuthFailure", 401, "CLOUD_CREDENTIALS" },
        { "SignatureDoesNotMatch", 403, "CLOUD_CREDENTIALS" },
        { "RequestExpired", 400, "CLOUD_CLOCK" },
        { "InvalidParameterValue", 400, "CLOUD_PARAMETER" },
        { "InvalidUserData.Malformed", 400, "USER_DATA_REFUSED" },
        { "InvalidBlockDeviceMapping", 400, "CLOUD_DISKS" },
        { "ServiceUnavailable", 503, "CLOUD_AWAY" },
    };

    // What a console showed, the cause.
    public static TheoryData<string, string> Consoles => new()
    {
        { "[    1.204] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)", "KERNEL_STOPPED" },
        { "[   12.0] systemd[1]: Reached target Emergency Mode.\nYou are in emergency mode. After logging in, type \"journalctl -xb\"",
            "EMERGENCY_MODE" },
        { "[  812.1] Out of memory: Killed process 812 (puppet) total-vm:1024kB", "OUT_OF_MEMORY" },
        { "cloud-init[1]: E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 812 (unattended-upgr)\noverture: agent: "
            + "failed: puppet-agent could not be installed", "PACKAGE_LOCK" },
        { "cloud-init[1]: E: Release file for http://deb.example.com/debian/dists/bookworm/InRelease is not valid yet (invalid for another "
            + "3h 4min 12s). Updates for this repository will not be applied.\noverture: agent: failed: puppet-agent could not be installed",
            "REPOSITORY_TIME" },
        { "cloud-init[1]: E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.\noverture: agent: "
            + "failed: puppet-agent could not be installed", "PACKAGES_BROKEN" },
        { "cloud-init[1]: W: Failed to fetch http://x/InRelease  Invalid response from proxy: HTTP/1.1 407 Proxy Authentication Required",
            "PROXY" },
        { "cloud-init[1]: dpkg: error processing archive /tmp/a.deb (--install): package architecture (arm64) does not match system (amd64)",
            "ARCHITECTURE" },
        { "cloud-init[1]: /opt/puppetlabs/puppet/bin/ruby: error while loading shared libraries: libcrypt.so.1: cannot open shared object "
            + "file: No such file or directory", "LIBRARY_MISSING" },
        { "cloud-init[1]: /var/lib/cloud/instance/scripts/part-001: line 2: $'ls\\r': command not found", "SCRIPT_UNREADABLE" },
        { "cloud-init[1]: util.py[WARNING]: Failed running /var/lib/cloud/instance/scripts/part-001 [-]: [Errno 13] Permission denied",
            "SCRIPTS_NOEXEC" },
        { "cloud-init[1]: Failed to start puppet.service: Unit puppet.service is masked.", "AGENT_MASKED" },
        { "overture: the agent says (err): Skipping run of Puppet configuration client; administratively disabled (Reason: 'golden image');",
            "AGENT_DISABLED" },
        { "puppet-agent[812]: Could not initialize global default settings: Certificate names must be lower case", "CERTNAME_INVALID" },
        { "puppet-agent[812]: Failed to parse CA certificates as PEM", "CERTIFICATE_FILES" },
        { "puppet-agent[812]: SSL_connect returned=1 errno=0 peeraddr=127.0.0.1:8141 state=error: tlsv1 alert protocol version",
            "TLS_VERSION" },
        { "puppet-agent[812]: Request to https://ca:8141/puppet-ca/v1 failed after 0.009 seconds: Connection reset by peer - SSL_connect",
            "CONNECTION_RESET" },
        { "cloud-init[1]: cp: error writing '/var/lib/x': No space left on device", "DISK_FULL" },
        { "[    4.1] cloud-init-generator[312]: ds-identify found no datasource; cloud-init is not enabled", "CLOUD_NOT_RECOGNIZED" },
        { "Cloud-init v. 24.1 disabled by /etc/cloud/cloud-init.disabled", "CLOUD_INIT_OFF" },
        { "Cloud-init v. 22.4.2 finished at Sun. Datasource DataSourceNone. Up 200 seconds", "DATASOURCE_MISSING" },
        { "DataSourceEc2.py[WARNING]: strict_id is true and this is not on a EC2 platform", "CLOUD_NOT_TAKEN_FOR_EC2" },
        { "handlers[WARNING]: Unhandled non-multipart (text/x-not-multipart) userdata: 'b'I2Nsb3VkLWNvbmZpZwoicGFj'...'",
            "USER_DATA_ENCODED_TWICE" },
        { "handlers[WARNING]: Unhandled non-multipart (text/x-not-multipart) userdata: 'b'H4sIAAAAAAACA3VTTW/bMAy9'...'",
            "USER_DATA_PACKED_AND_ENCODED_TWICE" },
        { "handlers[WARNING]: Unhandled non-multipart (text/x-not-multipart) userdata: 'b'<script>...'", "USER_DATA_UNKNOWN_TYPE" },
        { "util.py[WARNING]: Failed loading yaml blob. Invalid format at line 3 column 1", "USER_DATA_UNREADABLE" },
        { "cloud-init[1]: No 'final' modules to run under section 'cloud_final_modules'", "MODULE_LISTS_EMPTY" },
        { "Debian GNU/Linux 13 localhost ttyS0\r\n\r\nlocalhost login: ", "CLOUD_INIT_SILENT" },
        { "cloud-init[1]: Failed to shellify [{'echo': 1}] into file /var/lib/cloud/instance/scripts/runcmd", "COMMANDS_REFUSED" },
        { "cloud-init[1]: W: Some index files failed to download.\ncloud-init[1]: E: Unable to locate package openvox-agent\noverture: "
            + "agent: "
            + "failed: openvox-agent could not be installed from https://apt.example.com", "REPOSITORY_UNREACHABLE" },
        { "cloud-init[1]: W: GPG error: https://apt.example.com openvox8 InRelease: NO_PUBKEY 9D1F\ncloud-init[1]: E: Unable to locate "
            + "package "
            + "openvox-agent", "REPOSITORY_KEY" },
        { "cloud-init[1]: E: Unable to locate package openvox-agent\noverture: agent: failed: openvox-agent could not be installed",
            "PACKAGE_UNKNOWN" },
        { "cloud-init[1]: overture: agent: failed: openvox8 has no packages for Alpine; choose another flavour", "AGENT_NOT_INSTALLED" },
        { "cloud-init[1]: overture: /etc/puppet/csr_attributes.yaml could not be written", "TOKEN_NOT_WRITTEN" },
        { "cloud-init[1]: overture: /var/lib/cloud/instance/overture/agent could not be written", "TOKEN_NOT_WRITTEN" },
        { "cloud-init[1]: puppet-agent: Request to https://nowhere.invalid:8141/puppet-ca/v1 failed: Failed to open TCP connection to "
            + "nowhere.invalid:8141 (getaddrinfo: Name or service not known)", "NAME_UNRESOLVED" },
        { "cloud-init[1]: puppet-agent: Failed to open TCP connection to ca:8141 (Connection refused - connect(2) for \"ca\" port 8141)",
            "CONNECTION_REFUSED" },
        { "cloud-init[1]: puppet-agent: Request to https://ca:8141/puppet-ca/v1 timed out connect operation after 120.0 seconds",
            "CONNECTION_TIMED_OUT" },
        { "cloud-init[1]: puppet-agent: SSL_connect returned=1 errno=0 state=error: wrong version number", "WRONG_SERVER" },
        { "Starting puppet agent.\ncloud-init[1]: Error: CRL is missing from the server", "WRONG_SERVER" },
        { "cloud-init[1]: puppet-agent: certificate verify failed [self signed certificate in certificate chain for CN=Other CA]",
            "CERTIFICATE_UNTRUSTED" },
        { "cloud-init[1]: puppet-agent: certificate verify failed [certificate has expired for CN=ca]", "CERTIFICATE_TIME" },
        { "cloud-init[1]: puppet-agent: Server hostname 'ca2' does not match the server hostname; expected one of ca", "CERTIFICATE_NAME" },
        { "cloud-init[1]: puppet-agent: certificate verify failed [CRL has expired for CN=Overture CA]", "CRL_EXPIRED" },
        { "cloud-init[1]: Error: Could not request certificate: Error 403 on SERVER: Forbidden", "REQUEST_REFUSED" },
        { "[  OK  ] cloud-init\n[FAILED] Failed to start puppet.service - Puppet agent.", "AGENT_NOT_STARTED" },
        { "cloud-init[1]: connect: Network is unreachable", "NETWORK" },
    };

    // Refusals of CertAuthority that take time, or another's fault, to make.
    public static TheoryData<string> Reasons =>
    [
        "TOKEN_EXPIRED", "TOKEN_SPENT", "NOT_YET_VALID", "SOURCE_MISMATCH", "LAUNCH_SIGNATURE", "KEY_BLOCKED", "KEY_TYPE", "KEY_WEAK",
            "NAME_TAKEN",
        "NAME_BLOCKED", "CSR_SIGNATURE", "CSR_PRIVATE_KEY", "RATE_LIMITED", "INSTANCE_NOT_RUNNING", "INSTANCE_UNCONFIRMED",
            "STORE_UNAVAILABLE",
    ];

    [Theory]
    [MemberData(nameof(Refusals))]
    public async Task RefusedByTheCloud_IsNamedByItsCode(string code, int status, string reason)
    {
        var name = await world.Launch(refusal: (status, code));
        await Named($"cloud-{code.ToLowerInvariant()}", name, reason, code, $"RunInstances is refused with {code}", "EC2 double");
    }

    [Theory]
    [MemberData(nameof(Consoles))]
    public async Task ShownByTheConsole_IsNamed(string console, string reason)
    {
        world.Ec2.Console = console;
        var name = await world.Launch();
        await world.Runs(name);
        await Named($"console-{reason.ToLowerInvariant()}", name, reason, "", $"the console shows: {console.ReplaceLineEndings(" ⏎ ")}",
            "recorded console");
    }

    [Theory]
    [MemberData(nameof(Reasons))]
    public async Task RefusedByCertAuthority_IsNamedByItsReason(string code)
    {
        world.Ec2.Console = null;
        var name = await world.Launch();
        await world.Runs(name);
        var reason = System.Enum.GetValues<Reason>().Single(r => r.Code() == code);
        world.Host.Get<Timeline>().Add("certauthority", CertName.Parse(name), $"{InstanceEvents.CsrRefused}:{code}",
            "as CertAuthority says it", reason);
        await Named($"refused-{code.ToLowerInvariant()}", name, code, code, $"CertAuthority's line in the timeline: {code}",
            "its own line");
    }

    private async Task Named(string id, string name, string reason, string proof, string made, string where)
    {
        var (answer, took) = await CauseTable.Ask(async () => await world.Viewer.ExplainInstanceAsync(new() { Certname = name }),
            a => a.Causes.FirstOrDefault()?.Reason == reason);
        var cause = answer.Causes.FirstOrDefault();
        Assert.True(cause?.Reason == reason, $"{id}: {answer}");
        Assert.Contains(proof, cause.Proofs.Single().Text, StringComparison.Ordinal);
        Assert.True(cause.Proofs.Single().Text.Length > 0 || reason == "CLOUD_INIT_SILENT", id);
        Assert.NotEmpty(cause.Next);
        Assert.StartsWith("It is not ready: ", answer.Verdict, StringComparison.Ordinal);
        CauseTable.Named(id, reason, made, where, answer.Verdict, took, nameof(SeededCausesTests));
    }

    /// <summary>One Conductor, its registry and its cloud.</summary>
    public sealed class Cloud : IAsyncLifetime
    {
        private readonly ConductorFixture fixture = new();
        private Ec2Provider provider = null!;
        private RedisServer redis = null!;
        private ConductorService.ConductorServiceClient admin = null!;

        public Ec2Double Ec2 { get; private set; } = null!;
        internal ConductorHost Host { get; private set; } = null!;

        /// <summary>One connection for all cases: the listener limits those of an address.</summary>
        internal ConductorService.ConductorServiceClient Viewer { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            redis = await RedisServer.Start();
            Ec2 = await Ec2Double.Start();
            // What is tried again until a budget is spent is refused soon.
            provider = new Ec2Provider(new Ec2Options { Endpoint = Ec2.Url, Region = "us-east-1", Dialect = "aws", LaunchesPerSecond = 100,
                Budget = TimeSpan.FromSeconds(1) }, Ec2ProviderTests.Deployment, TimeProvider.System, new BasicAWSCredentials("key",
                    "secret"));
            Host = await ConductorHost.Start(fixture, new() { Provider = provider, Redis = redis.Endpoint });
            (admin, Viewer) = (Host.As("admin"), Host.As("viewer"));
            await Eventually.True(() => Host.Get<RegistryConnection>().Healthy, "the registry is connected");
        }

        public async Task<string> Launch((int Status, string Code)? refusal = null)
        {
            (Ec2.LaunchRefusal, Ec2.RefuseLaunches) = (refusal ?? (400, "none"), refusal is null ? 0 : int.MaxValue);
            var launched = await admin.LaunchInstancesAsync(new() { Spec = Ec2ProviderTests.Spec() });
            return launched.Results.Single().Instance.Certname;
        }

        public Task Runs(string name) => Eventually.True(async () => (await Viewer.GetInstanceAsync(new() { Certname = name }))
            .Instance.State == InstanceState.Running, "it runs");

        public async Task DisposeAsync()
        {
            await Host.DisposeAsync();
            provider.Dispose();
            await Ec2.DisposeAsync();
            await redis.DisposeAsync();
            fixture.Dispose();
        }
    }
}
