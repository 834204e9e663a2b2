// Load for eng/bench.sh, which starts the services and keeps what this prints in a folder of figures.
//   enrol HOME CA_PORT PID CONNECTIONS WARM SECONDS A_SECOND   PUT CSR + GET certificate of fresh registered names (EC P-256)
//   stock ROOTS CA_PORT PID CONNECTIONS WARM SECONDS A_SECOND  the same with names that are not registered
//   renew HOME CA_PORT PID CONNECTIONS WARM SECONDS            POST certificate_renewal, each by its own certificate and connection
//   name HOME CA_PORT                                          one registered name, enrolled already; prints it
//   nodes DIRECTORY NAME PORT PID CONNECTIONS WARM SECONDS     GET /puppet/v3/node/NAME of a puppetserver; ca.pem, node.pem, node.key
//   revoked HOME COUNT                                         revocations in the store
//   seed HOME CLASSIFIER_NODES                                 node definitions in the store; prints one certname
//   registry HOME COUNT                                        converged instances with all their records, of the EC2 double
//   pages HOME CONDUCTOR_PORT COUNT                            lists, page by page
//   console HOME CONDUCTOR_PORT COUNT                          the console's fleet page; standard input: the link of `overture ui`
//   rebuilt HOME CONDUCTOR_PORT                                until lists are answered and HOME/indexed exists, asking for instances
//   launch HOME CONDUCTOR_PORT PID COUNT AT_ONCE               launches at the EC2 double, batches of 50
//   classify HOME PORT PID CALLERS WARM SECONDS                Classify, of the nodes of `seed`
//   empty CONFIG                                               Classifier's server with an empty call behind it, until it is ended
//   ec2 HOME PORT LATENCY_MS                                   the EC2 double, with the instances of `registry`, until it is ended
//   openssl-rate, openssl-signature                            RSA-4096 signatures a second, all cores; CPU milliseconds of one
//   in-turns FIGURES COUNT COMMAND... -- COMMAND...            milliseconds of two commands, fork to exit
//   verdict NAME FIGURES HOW                                   the ratio against its bar, and what it was made of
using System.Globalization;
using Overture.Load;

static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
static TimeSpan Seconds(string text) => TimeSpan.FromSeconds(Number(text));
// A bit more than the machine can serve.
static int Count(string warm, string seconds, string rate) => (Number(warm) + Number(seconds)) * Number(rate);

return args switch
{
    ["enrol", var home, var port, var pid, var connections, var warm, var seconds, var rate] =>
        await Enrollment.Run(await Fleet.Registered(home, Count(warm, seconds, rate)), $"{home}/ca/ca_crt.pem", Number(port),
            Number(connections), new Tally(Number(pid), Number(connections), Seconds(warm), Seconds(seconds))),
    ["stock", var roots, var port, var pid, var connections, var warm, var seconds, var rate] =>
        await Enrollment.Run(Fleet.Strangers(Count(warm, seconds, rate)), roots, Number(port), Number(connections),
            new Tally(Number(pid), Number(connections), Seconds(warm), Seconds(seconds))),
    ["renew", var home, var port, var pid, var connections, var warm, var seconds] =>
        await Renewal.Run(home, Number(port), Number(connections),
            new Tally(Number(pid), Number(connections), Seconds(warm), Seconds(seconds))),
    ["nodes", var directory, var name, var port, var pid, var connections, var warm, var seconds] =>
        await Nodes.Run(directory, name, Number(port), new Tally(Number(pid), Number(connections), Seconds(warm), Seconds(seconds))),
    ["name", var home, var port] => await Enrollment.One(home, Number(port)),
    ["revoked", var home, var count] => await Revoked.Seed(home, Number(count)),
    ["registry", var home, var count] => await Records.Seed(home, Number(count)),
    ["pages", var home, var port, var count] => await Lists.Pages(home, Number(port), Number(count)),
    ["console", var home, var port, var conductor, var console, var count] =>
        await ConsolePages.Run(home, Number(port), [Number(conductor), Number(console)], Number(count)),
    ["rebuilt", var home, var port] => await Lists.Rebuilt(home, Number(port)),
    ["launch", var home, var port, var pid, var count, var atOnce] =>
        await Lists.Launch(home, Number(port), Number(pid), Number(count), Number(atOnce)),
    ["classify", var home, var port, var pid, var callers, var warm, var seconds] =>
        await Classify.Run(home, Number(port), Number(callers), lanes => new Tally(Number(pid), lanes, Seconds(warm), Seconds(seconds))),
    ["empty", var config] => await Overture.Platform.ServiceHost.Run<EmptyServer, EmptyServer.Options>(["--config", config]),
    ["ec2", var home, var port, var latency] => await Cloud.Run(home, Number(port), TimeSpan.FromMilliseconds(Number(latency))),
    ["seed", var home, var nodes] => await Seed.Run(home, Number(nodes)),
    ["openssl-rate"] => await Measures.OpensslRate(),
    ["openssl-signature"] => await Measures.SignatureCpu(),
    ["in-turns", var figures, var count, .. var commands] => await Measures.InTurns(figures, Number(count), commands),
    ["verdict", var name, var figures, var how] => Verdict.Print(name, figures, how),
    _ => 2,
};
