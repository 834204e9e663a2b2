using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using Grpc.Net.Client;
using Grpc.Net.Compression;

namespace Overture.Compat.Tests.Contracts;

/// <summary>The shipped assemblies were compiled against the genuine contracts; everything they name must be here.</summary>
public sealed class ShippedAssemblyTests
{
    private static readonly Assembly[] ContractAssemblies = [typeof(Metadata).Assembly, typeof(ICompressionProvider).Assembly];

    public static TheoryData<string> Shipped { get; } = ["Grpc.Net.Client", "Grpc.AspNetCore.Server"];

    [Theory]
    [InlineData("Grpc.Core.Api")]
    [InlineData("Grpc.Net.Common")]
    public void Identity_OfAContract_IsTheOneReferred(string name)
    {
        var identity = Assert.Single(ContractAssemblies, assembly => assembly.GetName().Name == name).GetName();

        Assert.Equal(new Version(2, 0, 0, 0), identity.Version);
        Assert.Equal("D754F35622E28BAD", Convert.ToHexString(identity.GetPublicKeyToken() ?? []));
    }

    [Theory]
    [MemberData(nameof(Shipped))]
    public void Types_OfAShippedAssembly_AllLoad(string name) => Assert.NotEmpty(Load(name).GetTypes());

    [Theory]
    [MemberData(nameof(Shipped))]
    public void References_OfAShippedAssembly_AllResolve(string name)
    {
        var module = Load(name).ManifestModule;
        using var file = new PEReader(File.OpenRead(module.FullyQualifiedName));
        var reader = file.GetMetadataReader();

        var types = reader.TypeReferences.Count(handle =>
            IsContract(module.ResolveType(MetadataTokens.GetToken(handle))));
        var members = reader.MemberReferences.Count(handle => IsContract(Resolve(module, handle)?.DeclaringType));

        // Far below what is there; only to be sure that something was looked at.
        Assert.InRange(types, 20, int.MaxValue);
        Assert.InRange(members, 40, int.MaxValue);
    }

    private static Assembly Load(string name) => name == "Grpc.Net.Client"
        ? typeof(GrpcChannel).Assembly
        : typeof(Grpc.AspNetCore.Server.GrpcServiceOptions).Assembly;

    private static bool IsContract(Type? type) => type is not null && ContractAssemblies.Contains(type.Assembly);

    /// <summary>
    /// Resolves a member, with <see cref="object"/> in place of any type parameter. Where a constraint forbids that, the
    /// member is not one of the contracts, whose parameters are classes or free.
    /// </summary>
    private static MemberInfo? Resolve(Module module, MemberReferenceHandle handle)
    {
        Type[] any = [.. Enumerable.Repeat(typeof(object), 8)];
        try
        {
            return module.ResolveMember(MetadataTokens.GetToken(handle), any, any);
        }
        catch (TypeLoadException thrown) when (!thrown.TypeName.StartsWith("Grpc.", StringComparison.Ordinal))
        {
            return null;
        }
    }
}
