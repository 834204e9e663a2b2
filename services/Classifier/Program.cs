using Overture.Classifier;
using Overture.Platform;

return await ServiceHost.Run<ClassifierModule, ClassifierOptions>(args);
