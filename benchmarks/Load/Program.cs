// Load for eng/bench.sh, which starts the services and reads what this prints.
//   enrol HOME CA_PORT CONNECTIONS SECONDS_WARM SECONDS   PUT CSR + GET certificate of fresh registered names (EC P-256 keys)
//   seed  HOME CLASSIFIER_NODES                           node definitions in the store; prints one certname
using Overture.Load;

return args switch
{
    ["enrol", var home, var port, var connections, var warm, var seconds] =>
        await Enrolment.Run(home, int.Parse(port), int.Parse(connections), TimeSpan.FromSeconds(int.Parse(warm)), TimeSpan.FromSeconds(int.Parse(seconds))),
    ["seed", var home, var nodes] => await Seed.Run(home, int.Parse(nodes)),
    _ => 2,
};
