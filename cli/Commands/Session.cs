using System.CommandLine;
using Grpc.Core;
using Overture.CertAuthority.V1;
using Overture.Classifier.V1;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>One run of a verb: its arguments, its printer, and connections opened when first used.</summary>
internal sealed class Session(ParseResult parse, TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(15);
    private readonly List<Connection> opened = [];
    private CliConfig? config;

    public ParseResult Parse { get; } = parse;
    public TimeProvider Clock { get; } = clock;
    public Printer Printer { get; } = new(Globals.ChoiceOf(parse));
    public CliConfig Config => config ??= CliConfig.ForPerson(Parse.GetValue(Globals.Config), Parse.GetValue(Globals.Context));

    /// <summary>Works at the site of this file, whatever else a person has chosen.</summary>
    public void WorkAt(string file) => config = CliConfig.ForPerson(file, null);

    /// <summary>One call to the Conductor; its errors in the person's words.</summary>
    public Task<T> Conductor<T>(Func<ConductorService.ConductorServiceClient, CallOptions, AsyncUnaryCall<T>> call,
        CancellationToken cancel, TimeSpan? limit = null) =>
        Call("conductor", Config.Conductor, calls => new ConductorService.ConductorServiceClient(calls), call, limit, cancel);

    /// <summary>A call to the Conductor that may take long and may be repeated: where its connection breaks, it is made again.</summary>
    public async Task<T> ConductorAgain<T>(Func<ConductorService.ConductorServiceClient, CallOptions, AsyncUnaryCall<T>> call,
        TimeSpan limit, CancellationToken cancel)
    {
        var connection = Open("conductor", Config.Conductor);
        var client = new ConductorService.ConductorServiceClient(connection.Calls);
        var end = Clock.GetUtcNow() + limit;
        var reconnection = new Reconnection(Clock, answered: false, end, sentence => Printer.Say(sentence));
        while (true)
        {
            try
            {
                return await call(client, new CallOptions(deadline: end.UtcDateTime, cancellationToken: cancel));
            }
            catch (RpcException e) when (cancel.IsCancellationRequested)
            {
                throw new OperationCanceledException("interrupted", e, cancel);
            }
            catch (RpcException e)
            {
                var failure = RpcFailures.From(e, "conductor", connection.Address);
                if (!await reconnection.Wait(e, failure, cancel))
                    throw failure;
            }
        }
    }

    public Task<T> CertAuthority<T>(Func<CertAuthorityService.CertAuthorityServiceClient, CallOptions, AsyncUnaryCall<T>> call,
        CancellationToken cancel, TimeSpan? limit = null) =>
        Call("certAuthority", Config.CertAuthority, calls => new CertAuthorityService.CertAuthorityServiceClient(calls), call,
            limit, cancel);

    /// <summary>A call that answers many times; each answer is handed over as it comes.</summary>
    public Task CertAuthority<T>(
        Func<CertAuthorityService.CertAuthorityServiceClient, CallOptions, AsyncServerStreamingCall<T>> call, Action<T> each,
        CancellationToken cancel, TimeSpan? limit = null) =>
        Translated("certAuthority", Config.CertAuthority, async connection =>
        {
            using var answers = call(new CertAuthorityService.CertAuthorityServiceClient(connection.Calls), Within(limit ?? Usual, cancel));
            while (await answers.ResponseStream.MoveNext(cancel))
                each(answers.ResponseStream.Current);
            return true;
        }, cancel);

    public Task<T> Classifier<T>(Func<ClassifierService.ClassifierServiceClient, CallOptions, AsyncUnaryCall<T>> call,
        CancellationToken cancel, TimeSpan? limit = null) =>
        Call("classifier", Config.Classifier, calls => new ClassifierService.ClassifierServiceClient(calls), call, limit, cancel);

    /// <summary>A connection of this session, opened once an address.</summary>
    public Connection Open(string key, string address)
    {
        if (opened.Find(c => c.Address == address) is { } known)
            return known;
        var connection = Connection.Open(Config, address, key, Clock);
        opened.Add(connection);
        return connection;
    }

    /// <summary>A deadline from now; none of our calls is without.</summary>
    public CallOptions Within(TimeSpan limit, CancellationToken cancel) => new(deadline: (Clock.GetUtcNow() + limit).UtcDateTime,
        cancellationToken: cancel);

    public void Dispose() => opened.ForEach(c => c.Dispose());

    private Task<TResponse> Call<TClient, TResponse>(string key, string address, Func<CallInvoker, TClient> client,
        Func<TClient, CallOptions, AsyncUnaryCall<TResponse>> call, TimeSpan? limit, CancellationToken cancel) =>
        Translated(key, address, async connection => await call(client(connection.Calls), Within(limit ?? Usual, cancel)), cancel);

    private async Task<T> Translated<T>(string key, string address, Func<Connection, Task<T>> calls, CancellationToken cancel)
    {
        var connection = Open(key, address);
        try
        {
            return await calls(connection);
        }
        catch (RpcException e) when (!cancel.IsCancellationRequested)
        {
            throw RpcFailures.From(e, key, address);
        }
        catch (RpcException e)
        {
            throw new OperationCanceledException("interrupted", e, cancel);
        }
    }
}
