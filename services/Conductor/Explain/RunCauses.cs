namespace Overture.Conductor.Explain;

/// <summary>
/// Why a Puppet run failed or was not a whole one, by the messages of the agent, the compiler and puppetserver (Puppet 7 to 9). The first
/// that fits counts: what says more stands before what says less. Pure.
/// </summary>
internal static class RunCauses
{
    private const string CheckCode = "overture node check NAME compares the definition with the puppetserver's code; deploy the code, or "
        + "correct the definition: overture node edit NAME";
    private const string CheckHook = "On the puppetserver: overture hook install writes it; run it by hand as user puppet to see why it fails";

    private static readonly KnownCause[] Failed =
    [
        new("NODE_BLOCK_MISSING", "the puppetserver's site.pp has node blocks and none that fits",
            "Add a block without a condition to site.pp: node default { }", "Could not find node statement with name"),
        new("ENVIRONMENT_MISSING", "the puppetserver does not have the environment of its definition",
            "Deploy that environment (r10k, Code Manager), or: overture node edit NAME", "Could not find a directory environment named",
            "Could not find environment", "The environment must be purely alphanumeric"),
        new("ENC_MISSING", "the puppetserver can't find the program that its external_nodes names", CheckHook,
            "Failed to find*via exec:*No such file", "Failed to find*via exec:*Could not find command", "external_nodes*No such file",
            "Failed to find*via exec:*not found", "Exception while executing*error=2,"),
        new("ENC_NOT_EXECUTABLE", "the puppetserver may not run the program that its external_nodes names",
            "On the puppetserver: chmod 0755 the hook, and let user puppet reach it", "Failed to find*via exec:*Permission denied",
            "Failed to find*via exec:*not executable", "Failed to find*via exec:*EACCES", "Exception while executing*error=13,"),
        new("ENC_CONFIG", "the hook on the puppetserver has no configuration that works",
            "On the puppetserver: see the hook's line in puppetserver.log; it names the file and the rule",
            "Failed to find*via exec:*returned 78"),
        new("ENC_DENIED", "Classifier refuses the puppetserver's hook",
            "The hook's certificate needs the role of a hook: overture pki init --home DIR, then overture hook install",
            "Failed to find*via exec:*returned 4:"),
        new("ENC_UNAVAILABLE", "the hook on the puppetserver could not reach Classifier",
            "overture health --service classifier; then see the hook's line in puppetserver.log",
            "Failed to find*via exec:*returned 5:", "Failed to find*via exec:*returned 7:"),
        new("ENC_NODE_UNKNOWN", "the hook answered that Classifier has no definition of this node",
            "overture node set NAME -f FILE --reason TEXT", "Failed to find*via exec:*returned 3:"),
        new("ENC_NODE_BLOCKED", "the hook answered that the node may not be classified", "overture audit explain NAME",
            "Failed to find*via exec:*returned 6:"),
        new("ENC_FAILED", "the puppetserver's classification hook failed", CheckHook, "Failed to find*via exec", "Failed when searching for node"),
        new("CLASS_MISSING", "the puppetserver's code has no class of that name", CheckCode, "Could not find class", "Evaluation Error*Unknown class"),
        new("PARAMETER_UNKNOWN", "a class has no parameter of that name", CheckCode, "has no parameter named", "Invalid parameter*on Class"),
        new("PARAMETER_MISSING", "a class lacks the value of a parameter that it needs", "Set it in Hiera, or: overture node edit NAME",
            "expects a value for parameter"),
        new("PARAMETER_TYPE", "a parameter has a value of another type than its class takes", "overture node edit NAME, or correct it in Hiera",
            "parameter*expects a", "parameter*expects an"),
        new("SECRET_UNREADABLE", "Hiera can't decrypt a value", "Give the puppetserver the key that it was encrypted with",
            "hiera-eyaml*decrypt",
            "decryption failed", "No private key found"),
        new("HIERA", "Hiera failed", "On the puppetserver: puppet lookup KEY --node NAME --explain",
            "Unable to parse (*.yaml)", "Function lookup() did not find a value",
            "did not find a value for the name", "hiera.yaml", "hiera_eyaml", "eyaml", "Lookup of key",
            "Data Provider", "data_hash function"),
        new("FUNCTION_UNKNOWN", "the code calls a function that no deployed module has", "Deploy the module that has it", "Unknown function:"),
        new("RESOURCE_TYPE_UNKNOWN", "the code declares a resource type that no deployed module has", "Deploy the module that has it",
            "Unknown resource type:", "Resource type not found", "Could not autoload puppet/type", "Invalid resource type"),
        new("PUPPET_CONF", "the node's puppet.conf does not parse", "Correct the line of puppet.conf on the node that it names",
            "Could not parse*puppet.conf", "Could not parse application options"),
        new("SYNTAX", "the puppetserver's code does not parse", "Correct the file and line that it names; puppet parser validate finds such",
            "Syntax error at", "Could not parse for environment", "Could not parse"),
        new("PUPPETDB_AWAY", "the puppetserver could not reach its PuppetDB", "Start PuppetDB, or see puppetdb.conf on the puppetserver",
            "/pdb/cmd/v1", "/pdb/query/v4", "PuppetDB*server_urls"),
        new("PUPPETSERVER_MEMORY", "the puppetserver ran out of memory",
            "Give its JVM a larger heap (JAVA_ARGS -Xmx), or fewer JRuby instances",
            "Java heap space", "OutOfMemoryError", "Metaspace"),
        new("REFERENCE_MISSING", "the code names a resource that it does not declare",
            "Declare it, or correct the reference, at the place that it names",
            "Could not find resource", "Could not find dependency", "Could not find dependent"),
        new("VARIABLE_UNKNOWN", "the code uses a variable that nothing sets", "Set it, or correct its name, at the place that it names",
            "Unknown variable:"),
        new("DUPLICATE_DECLARATION", "the code declares the same resource twice", "Correct one of the two places that it names",
            "Duplicate declaration"),
        new("DEPENDENCY_CYCLE", "resources require one another in a circle", "Break the circle that it names", "dependency cycle"),
        new("TEMPLATE", "a template failed", "Correct the template, file and line that it names", "Failed to parse template",
            "Failed to parse inline template",
            "Failed to render template", "epp(", "template("),
        new("FILE_MISSING", "a file that the catalog names is not on the puppetserver", "Deploy the module's file that it names",
            "Could not retrieve information from environment*source", "Could not retrieve file metadata for", "Could not find any content at"),
        new("CRL_EXPIRED", "the certificate revocation list is older than it may be",
            "overture health --service certauthority; then see that the puppetserver fetches the list", "CRL has expired"),
        new("CERTIFICATE_REVOKED", "a certificate is revoked", "overture audit explain NAME", "certificate revoked", "certificate is revoked"),
        new("CERTIFICATE_TIME", "a certificate is over, or not valid yet by the agent's clock",
            "Compare the clocks of the node and the server (NTP)", "certificate has expired", "certificate is not yet valid",
            "CRL is not yet valid"),
        new("CERTIFICATE_NAME", "the puppetserver's certificate does not have the name by which the agent calls it",
            "Give the puppetserver that name (dns_alt_names), or call it by one that it has: puppet.server", "does not match the server hostname",
            "does not match*hostname"),
        new("CERTIFICATE_UNTRUSTED", "the agent does not trust the server's certificate: another CA made it",
            "Check that server and ca_server belong to the same CA", "certificate verify failed", "self signed certificate",
            "unable to get local issuer"),
        new("FORBIDDEN", "the puppetserver's auth.conf refuses the agent", "Check auth.conf: a node may have its own catalog", "Forbidden request",
            "Error 403"),
        new("PUPPETSERVER_BUSY", "the puppetserver is overloaded", "Give it more JRuby instances, or let runs splay", "Error 503",
            "Error 429",
            "borrow a JRubyInstance"),
        new("COMMAND_TIMED_OUT", "a command of an exec did not end in its time", "Give the exec a longer timeout, or see why it hangs",
            "Command exceeded timeout"),
        new("COMMAND_MISSING", "a command that a resource runs is not on the node", "Install it, and require it first; or correct its path",
            "Could not find command", "command not found", "is not executable"),
        new("NAME_UNRESOLVED", "a name could not be resolved", "Check DNS on the node for the name that it shows",
            "getaddrinfo", "Temporary failure in name resolution", "Name or service not known", "Could not resolve host"),
        new("CONNECTION_REFUSED", "a server refused the connection: it does not run, or another port is meant",
            "Start it, or check host and port that it shows", "Connection refused"),
        new("CONNECTION_TIMED_OUT", "a server did not answer in time", "Check routes and firewalls to the address that it shows",
            "execution expired", "timed out", "No route to host", "Network is unreachable"),
        new("PACKAGE_LOCK", "another process holds the lock of the node's packages",
            "Nothing: the next run tries again; else end that process",
            "Could not get lock", "Unable to acquire the dpkg", "is another process using it", "Waiting for process with pid"),
        new("REPOSITORY", "a package could not be installed", "Check the package's name and the node's package sources",
            "Could not find package", "Unable to locate package", "No match for argument", "has no installation candidate",
            "Could not get latest version", "/usr/bin/apt-get", "/usr/bin/dnf", "/usr/bin/yum"),
        new("DISK_FULL", "a disk of the node is full", "Make room, or give it a larger disk", "No space left on device"),
        new("READ_ONLY", "a file system of the node is read-only", "See why it was mounted so: journalctl -k on the node",
            "Read-only file system"),
        new("PARENT_MISSING", "the folder of a file or link is not there", "Declare the folder, too", "A directory component in",
            "Cannot create*parent directory*does not exist"),
        new("USER_MISSING", "a user or group that a resource names does not exist on the node", "Declare it, and require it first",
            "Could not find user", "Could not find group"),
        new("PROVIDER_UNSUITABLE", "the node lacks a tool that a resource needs", "Install it first, and require it",
            "Could not find a suitable provider", "Provider*is not functional on this host"),
        new("SERVICE_START", "a service could not be started", "See its log on the node: journalctl -u SERVICE", "Could not start Service",
            "Systemd start for", "Could not restart Service"),
        new("DEPENDENCY_FAILED", "resources were skipped since one that they require failed", "Mend the resource that failed first",
            "Skipping because of failed dependencies"),
        new("FACTS", "facts of the node could not be collected", "Run puppet facts on the node", "Could not retrieve local facts", "Facter:"),
        new("WRONG_ENVIRONMENT", "it ran in another environment than its definition says",
            "Let no environment be set in puppet.conf, and check that the puppetserver asks the hook", "it ran in environment"),
        new("OLD_CATALOG", "the catalog did not compile, and the agent applied an old one", "See puppetserver.log for the compiler's error",
            "an old one was applied", "Not using cache on failed catalog", "Using cached catalog"),
        new("COMPILATION", "the catalog did not compile", "Correct the file and line that it names", "Evaluation Error", "Error 500 on SERVER",
            "Server Error"),
        new("RESOURCE_FAILED", "a resource could not be applied", "Correct the resource that it names; the agent tries again by itself",
            "]: ", "Could not evaluate", "failed to apply", "the run failed"),
    ];

    private static readonly KnownCause[] NotWhole =
    [
        new("NOOP", "it ran with noop, which applies nothing", "Run the agent without --noop, and remove noop from puppet.conf", "noop run"),
        new("NOOP_RESOURCES", "resources with noop => true were left as they are", "Remove noop => true, or accept it",
            "noop => true"),
        new("TAGS", "it skipped resources, as with --tags, --skip_tags or a schedule", "Run the agent without them", "it skipped"),
        new("CACHED_CATALOG", "it applied a catalog that it had, not a new one", "Run the agent without use_cached_catalog", "cached catalog"),
    ];

    /// <param name="message">Of a failed run: its errors, or the condition's message.</param>
    /// <returns>Null: no known one.</returns>
    public static KnownCause? OfFailure(string message) => KnownCause.Find(Failed, message);

    /// <param name="message">Of a run that was not a whole one.</param>
    /// <returns>Null: no known one.</returns>
    public static KnownCause? OfPartial(string message) => KnownCause.Find(NotWhole, message);

    /// <summary>Every code, for the documentation.</summary>
    public static IEnumerable<KnownCause> All => Failed.Concat(NotWhole);
}
