using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Platform.Options;

/// <summary>A listener that Prometheus scrapes.</summary>
public sealed record PrometheusOptions
{
    /// <summary>
    /// ADDRESS:PORT of a listener that serves /metrics over plain HTTP to any client: there is no certname or secret in metrics, but
    /// how large and how busy a deployment is. Empty: none.
    /// </summary>
    public string Listen { get; init; } = "";

    /// <summary>Every rule that is broken.</summary>
    /// <param name="grpc">Where the gRPC listener is.</param>
    public IEnumerable<FieldProblem> Problems(string grpc)
    {
        if (Listen.Length > 0 && !OptionRules.IsEndpoint(Listen))
            yield return new("prometheus.listen", "must be empty or ADDRESS:PORT, e.g. 127.0.0.1:9464");
        else if (Listen.Length > 0 && Listen == grpc)
            yield return new("prometheus.listen", "must be another than listen");
    }
}
