using Overture.Conductor.Explain;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;

namespace Overture.Conductor.Tests;

/// <summary>Messages of agents, puppetservers and clouds, and the cause that each is taken for.</summary>
public sealed class RunCausesTests
{
    private const string Route = "Connection to https://localhost:8141/puppet-ca/v1 failed, trying next route: Request to "
        + "https://localhost:8141/puppet-ca/v1 failed after 0.009 seconds: ";
    private const string Catalog = "Could not retrieve catalog from remote server: Error 500 on SERVER: Server Error: ";

    [Theory]
    [InlineData(Catalog + "Evaluation Error: Error while evaluating a Function Call, Could not find class ::lgoin for 4f1c (file: "
        + "/etc/puppet/code/environments/production/manifests/site.pp, line: 1, column: 1) on node 4f1c", "CLASS_MISSING")]
    [InlineData(Catalog + "Could not find node statement with name 'default' or '4f1c.example.com' on node 4f1c.example.com",
        "NODE_BLOCK_MISSING")]
    [InlineData(Catalog + "Evaluation Error: Error while evaluating a Resource Statement, Class[Ntp]: has no parameter named 'servres' on "
        + "node x", "PARAMETER_UNKNOWN")]
    [InlineData(Catalog + "Evaluation Error: Error while evaluating a Resource Statement, Class[Ntp]: expects a value for parameter "
        + "'servers' on node x", "PARAMETER_MISSING")]
    [InlineData(Catalog + "Evaluation Error: Error while evaluating a Resource Statement, Class[Ntp]: parameter 'servers' expects an "
        + "Array value, got String on node x", "PARAMETER_TYPE")]
    [InlineData("Could not parse PKey: no start line", "CERTIFICATE_FILES")]
    [InlineData(Route + "SSL_connect returned=1 errno=0 peeraddr=127.0.0.1:8141 state=error: unexpected eof while reading",
        "CONNECTION_RESET")]
    // bash, of a script of an exec
    [InlineData("Exec[/opt/x]: change from 'notrun' to ['0'] failed: /opt/x: line 3: unexpected EOF while looking for matching `\"'",
        "RESOURCE_FAILED")]
    [InlineData(Catalog + "Failed when searching for node x: Failed to find x via exec: Execution of '/etc/puppet/overture-enc x' returned "
        + "1: overture-enc: error", "ENC_FAILED")]
    [InlineData(Catalog + "Failed when searching for node x: Failed to find x via exec: Execution of '/opt/overture-enc x' returned 5: "
        + "overture-enc: error: classifier does not answer", "ENC_UNAVAILABLE")]
    [InlineData(Catalog + "Failed when searching for node x: Failed to find x via exec: Execution of '/opt/overture-enc x' returned 78: "
        + "overture-enc: error: /etc/overture/hooks.yaml", "ENC_CONFIG")]
    [InlineData(Catalog + "Failed when searching for node x: Exception while executing '/mnt/bin/overture-enc': Cannot run program "
        + "\"/mnt/bin/overture-enc\" (in directory \".\"): error=13, Permission denied; also: Facter: x", "ENC_NOT_EXECUTABLE")]
    [InlineData(Catalog + "Failed when searching for node x: Exception while executing '/mnt/bin/overture-enc': Cannot run program "
        + "\"/mnt/bin/overture-enc\" (in directory \".\"): error=2, No such file or directory", "ENC_MISSING")]
    [InlineData(Catalog + "Failed when searching for node x: Failed to find x via exec: Execution of '/mnt/bin/overture-enc x' "
            + "returned 78:; "
        + "also: Facter: Permission denied @ rb_sysopen - /proc/1/environ", "ENC_CONFIG")]
    [InlineData(Catalog + "Failed when searching for node x: Could not find a directory environment named 'nowhere' anywhere in the "
            + "path: /e. "
        + "Does the directory exist?; also: Facter: y", "ENVIRONMENT_MISSING")]
    [InlineData(Catalog + "Evaluation Error: Error while evaluating a Function Call, not on this node; also: Facter: y", "COMPILATION")]
    [InlineData(Catalog + "Evaluation Error: Error while evaluating a Resource Statement, Unable to parse "
        + "(/code/data/all.yaml): expected ','",
        "HIERA")]
    [InlineData("Facter: Permission denied @ rb_sysopen - /proc/1/environ", "FACTS")]
    [InlineData("Failed to apply catalog: Could not find dependency Package[x] for Service[x]", "REFERENCE_MISSING")]
    [InlineData(Catalog + "Evaluation Error: Unknown variable: 'naem'. (file: /x.pp, line: 3) on node x", "VARIABLE_UNKNOWN")]
    [InlineData(Catalog + "Failed to execute '/pdb/cmd/v1?checksum=1' on at least 1 of the following 'server_urls': https://pdb:8081",
        "PUPPETDB_AWAY")]
    [InlineData(Catalog + "Java heap space", "PUPPETSERVER_MEMORY")]
    [InlineData("Exec[x]: change from 'notrun' to ['0'] failed: Command exceeded timeout (/x.pp:1)", "COMMAND_TIMED_OUT")]
    [InlineData("Exec[x]: change from 'notrun' to ['0'] failed: Could not find command '/opt/x' (/x.pp:1)", "COMMAND_MISSING")]
    [InlineData("Package[x]: change from 'purged' to 'present' failed: Execution of '/usr/bin/apt-get -q -y install x' returned 100: "
            + "E: Could "
        + "not get lock /var/lib/dpkg/lock-frontend", "PACKAGE_LOCK")]
    [InlineData("File[/etc/x]: change from 'absent' to 'file' failed: Read-only file system @ rb_sysopen - /etc/x", "READ_ONLY")]
    [InlineData("File[/a/b]: change from 'absent' to 'file' failed: Could not set 'file' on ensure: No such file or directory - A "
            + "directory "
        + "component in /a/b20261201 does not exist or is a dangling symbolic link", "PARENT_MISSING")]
    [InlineData(Catalog + "Evaluation Error: hiera-eyaml backend error decrypting ENC[PKCS7,x]", "SECRET_UNREADABLE")]
    [InlineData("Could not find a directory environment named 'prodution' anywhere in the path: /etc/puppet/code/environments. Does the "
        + "directory exist?", "ENVIRONMENT_MISSING")]
    [InlineData(Catalog + "Function lookup() did not find a value for the name 'ntp::servers' on node x", "HIERA")]
    [InlineData(Catalog + "Evaluation Error: Unknown function: 'merge'. (file: /x.pp, line: 3) on node x", "FUNCTION_UNKNOWN")]
    [InlineData("Could not parse /etc/puppet/puppet.conf: Illegal line 3", "PUPPET_CONF")]
    [InlineData("Could not parse application options: invalid option: --x", "PUPPET_CONF")]
    [InlineData("certificate verify failed [CRL is not yet valid for CN=ca]", "CERTIFICATE_TIME")]
    [InlineData(Catalog + "Syntax error at '}' (file: /x.pp, line: 3, column: 1) on node x", "SYNTAX")]
    [InlineData("Failed to apply catalog: Found 1 dependency cycle: (File[/a] => File[/b] => File[/a])", "DEPENDENCY_CYCLE")]
    [InlineData("File[/etc/motd]: change from 'absent' to 'file' failed: Could not set 'file' on ensure: No space left on device",
        "DISK_FULL")]
    [InlineData("Package[nginx]: change from 'purged' to 'present' failed: Execution of '/usr/bin/apt-get -q -y install nginx' returned "
        + "100: E: Unable to locate package nginx", "REPOSITORY")]
    [InlineData("File[/etc/app]: change from 'absent' to 'file' failed: Could not find user app", "USER_MISSING")]
    [InlineData("Service[app]: change from 'stopped' to 'running' failed: Systemd start for app failed!", "SERVICE_START")]
    [InlineData("Exec[/bin/false]: change from 'notrun' to ['0'] failed: '/bin/false' returned 1 instead of one of [0]", "RESOURCE_FAILED")]
    [InlineData("Failed to open TCP connection to puppet:8140 (Connection refused - connect(2) for puppet port 8140)",
        "CONNECTION_REFUSED")]
    [InlineData("Failed to open TCP connection to pupet:8140 (getaddrinfo: Name or service not known)", "NAME_UNRESOLVED")]
    [InlineData("certificate verify failed [CRL has expired for CN=Overture CA]", "CRL_EXPIRED")]
    [InlineData("certificate verify failed [certificate revoked for CN=puppet]", "CERTIFICATE_REVOKED")]
    [InlineData("certificate verify failed [self signed certificate in certificate chain for CN=Other CA]", "CERTIFICATE_UNTRUSTED")]
    // As Puppet 7.23 said them: of a listener that cuts off, a proxy, TLS alerts 70 and 40, a capital letter, a file of garbage, --disable.
    [InlineData(Route + "Connection reset by peer - SSL_connect Wrapped exception: Connection reset by peer - SSL_connect",
        "CONNECTION_RESET")]
    [InlineData(Route + "407 \"Proxy Authentication Required\" Wrapped exception: 407 \"Proxy Authentication Required\"", "PROXY")]
    [InlineData(Route + "502 \"Bad Gateway\" Wrapped exception: 502 \"Bad Gateway\"", "PROXY")]
    [InlineData(Route + "SSL_connect returned=1 errno=0 peeraddr=127.0.0.1:8141 state=error: tlsv1 alert protocol version", "TLS_VERSION")]
    [InlineData(Route + "SSL_connect returned=1 errno=0 peeraddr=127.0.0.1:8141 state=error: sslv3 alert handshake failure",
        "TLS_VERSION")]
    [InlineData(Route + "SSL_connect returned=1 errno=0 peeraddr=127.0.0.1:8141 state=error: wrong version number", "WRONG_SERVER")]
    [InlineData("Could not initialize global default settings: Certificate names must be lower case", "CERTNAME_INVALID")]
    [InlineData("Failed to parse CA certificates as PEM", "CERTIFICATE_FILES")]
    [InlineData("Skipping run of Puppet configuration client; administratively disabled (Reason: 'golden image'); Use 'puppet agent "
        + "--enable' to re-enable.", "AGENT_DISABLED")]
    [InlineData("Exec[/opt/x]: change from 'notrun' to ['0'] failed: Exec format error - /opt/x", "ARCHITECTURE")]
    [InlineData("Could not evaluate: Cannot allocate memory - fork(2)", "OUT_OF_MEMORY")]
    [InlineData("Execution of '/usr/bin/x' returned 127: /usr/bin/x: error while loading shared libraries: libcrypt.so.1: cannot open shared "
        + "object file: No such file or directory", "LIBRARY_MISSING")]
    [InlineData("File[/home/a/b]: change from 'absent' to 'file' failed: Disk quota exceeded @ rb_sysopen - /home/a/b", "DISK_FULL")]
    [InlineData("it ran in environment test, not in production", "WRONG_ENVIRONMENT")]
    [InlineData("the catalog did not compile and an old one was applied", "OLD_CATALOG")]
    public void OfFailure_Message_IsTheCauseThatSaysMost(string message, string code) =>
        Assert.Equal(code, RunCauses.OfFailure(message)?.Code);

    [Theory]
    [InlineData("it was a noop run, which applies nothing", "NOOP")]
    [InlineData("it skipped 9 of 9 resources, as with --tags, --skip_tags or a schedule", "TAGS")]
    [InlineData("resources with noop => true are not as they are to be, and were left so", "NOOP_RESOURCES")]
    [InlineData("it applied a cached catalog, not the present one", "CACHED_CATALOG")]
    public void OfPartial_Verdict_IsItsKind(string message, string code) => Assert.Equal(code, RunCauses.OfPartial(message)?.Code);

    [Theory]
    [InlineData("The cloud has no capacity for this instance type in this subnet now; it may have later. (InsufficientInstanceCapacity)",
        "CLOUD_CAPACITY")]
    [InlineData("The cloud throttles requests; retried automatically. (RequestLimitExceeded)", "CLOUD_THROTTLED")]
    [InlineData("A limit of the account or subnet is reached (VcpuLimitExceeded)", "CLOUD_QUOTA")]
    [InlineData("The cloud rejects this request permanently; correct the launch spec. (InvalidAMIID.NotFound: x)", "IMAGE_UNKNOWN")]
    [InlineData("The Conductor's credentials may not do this (UnauthorizedOperation)", "CLOUD_RIGHTS")]
    [InlineData("the instance ended at once: cloud-init is not installed", "LOCAL_ENDED_AT_ONCE")]
    public void OfProvider_Message_IsTheCloudsCode(string message, string code) => Assert.Equal(code, ProviderCauses.Of(message)?.Code);

    [Fact]
    public void Codes_AreUniqueInEachTable()
    {
        Assert.Empty(RunCauses.All.GroupBy(c => c.Code).Where(g => g.Count() > 1).Select(g => g.Key));
        Assert.Empty(ProviderCauses.All.GroupBy(c => c.Code).Where(g => g.Count() > 1).Select(g => g.Key));
    }

    [Fact]
    public void Of_EveryConditionThatIsWrong_HasACauseWithProofAndNextStep()
    {
        var types = Enum.GetValues<ConditionType>().Where(t => t is not (ConditionType.Unspecified or ConditionType.Protected));
        foreach (var type in types)
        {
            var condition = ConditionRules.New(type, "X", DateTimeOffset.UnixEpoch, "It is so.", "Do NAME.", ConditionSeverity.Error);
            var cause = CauseRules.Of("4f1c", condition);
            Assert.NotNull(cause);
            Assert.NotEmpty(cause.Reason);
            Assert.Equal("Do 4f1c.", cause.Next);
            Assert.Equal("It is so.", Assert.Single(cause.Proofs).Text);
        }
        Assert.Null(CauseRules.Of("4f1c", ConditionRules.New(ConditionType.Protected, "PROTECTED", DateTimeOffset.UnixEpoch, "x", "y")));
    }
}
