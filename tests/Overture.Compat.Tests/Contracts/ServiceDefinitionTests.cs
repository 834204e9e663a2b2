namespace Overture.Compat.Tests.Contracts;

public sealed class ServiceDefinitionTests
{
    [Fact]
    public void BindService_Generated_BindsEveryMethodInTheOrderOfTheProto()
    {
        var binder = new NamingBinder();

        Probe.BindService(binder, new BareService());

        Assert.Equal(
            ["unary Echo", "client Sum", "server Count", "duplex Double", "unary Hang", "server HangAfterOne"], binder.Names);
    }

    [Fact]
    public void BindService_WithoutAnInstance_BindsWithoutHandlers()
    {
        var binder = new NamingBinder();

        Probe.BindService(binder, null);

        Assert.Equal(6, binder.Names.Count);
        Assert.Equal(0, binder.Handlers);
    }

    [Fact]
    public void Builder_SameMethodTwice_Throws()
    {
        var method = new Method<string, string>(
            MethodType.Unary, "s.S", "M", Marshallers.StringMarshaller, Marshallers.StringMarshaller);
        UnaryServerMethod<string, string> handler = (request, _) => Task.FromResult(request);
        var builder = ServerServiceDefinition.CreateBuilder().AddMethod(method, handler);

        Assert.Throws<ArgumentException>(() => builder.AddMethod(method, handler));
    }

    [Fact]
    public void Attribute_OnTheGeneratedBase_NamesBindService()
    {
        var attribute = Assert.Single(
            typeof(Probe.ProbeBase).GetCustomAttributes(typeof(BindServiceMethodAttribute), inherit: false)
                .Cast<BindServiceMethodAttribute>());

        Assert.Equal((typeof(Probe), "BindService"), (attribute.BindType, attribute.BindMethodName));
    }

    [Fact]
    public void Binder_NothingOverridden_Throws() =>
        Assert.Throws<NotImplementedException>(() => Probe.BindService(new ServiceBinderBaseOfATest(), new BareService()));

    private sealed class BareService : Probe.ProbeBase;

    private sealed class ServiceBinderBaseOfATest : ServiceBinderBase;

    private sealed class NamingBinder : ServiceBinderBase
    {
        public List<string> Names { get; } = [];

        public int Handlers { get; private set; }

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
            Add("unary", method, handler);

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
            Add("client", method, handler);

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
            Add("server", method, handler);

        public override void AddMethod<TRequest, TResponse>(
            Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
            Add("duplex", method, handler);

        private void Add(string shape, IMethod method, Delegate? handler)
        {
            Names.Add($"{shape} {method.Name}");
            Handlers += handler is null ? 0 : 1;
        }
    }
}
