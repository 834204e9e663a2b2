using System.Reflection;
using Google.Protobuf.Reflection;
using Xunit;

namespace Overture.TestSupport;

/// <summary>A proto service that several classes serve: each RPC is one class's, and no class needs many things (docs/architecture.md).</summary>
public static class RpcClasses
{
    private const int MostDependencies = 7;

    /// <param name="service">Its contract.</param>
    /// <param name="generated">The base class that protoc made of it, from which the classes derive.</param>
    /// <param name="assembly">The program's.</param>
    public static void Hold(ServiceDescriptor service, Type generated, Assembly assembly)
    {
        var classes = assembly.GetTypes().Where(t => t.BaseType == generated).ToList();
        var answered = classes.SelectMany(t => t.GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Select(m => m.Name).Order(StringComparer.Ordinal);
        Assert.Equal(service.Methods.Select(m => m.Name).Order(StringComparer.Ordinal), answered);
        Assert.All(classes, t => Assert.InRange(t.GetConstructors().Single().GetParameters().Length, 0, MostDependencies));
    }
}
