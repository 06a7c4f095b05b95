"""Services and actions of `aws-sdk` resources that the installed botocore does not describe, though AWS's SDKs have them, or once had them.

Asked by the catalog, so that a definition is not refused because of the botocore beside it: Step Functions has called these services since
September 2021, and state machines that name them are still about. There is no model to call them by, so their tasks can only be mocked. It
leaves out parameters. Source: botocore's own service models, versions 1.21.65 to 1.44.5 compared; AWS's developer guide, "Learning to use
AWS service SDK integrations", which lists services, and its release history, which lists some as removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stepstack.integrations.model_files import sdk_services

__all__ = ["LATER_SERVICES", "WITHDRAWN_ACTIONS", "is_known_without_model"]


def is_known_without_model(service: str, action: str) -> bool:
    """Whether `aws-sdk:<service>:<action>` names what AWS has or had, for a pair that the installed botocore does not describe."""
    if service in LATER_SERVICES:
        return service not in sdk_services()
    return action in WITHDRAWN_ACTIONS.get(service, "").split()


LATER_SERVICES: Final = frozenset(
    {
        "accountaccess",
        "accountaccessruntime",
        "agentregistry",
        "agentregistrycontrol",
        "cloudwatchomni",
        "connectscheduling",
        "continuum",
        "endusermessaging",
        "eventbridgev2",
        "iamtoolbox",
        "lambdacore",
        "lambdamicrovms",
        "lambdaweb",
        "networksecuritymanager",
        "opensearchmemory",
        "partnercentralrevenuemeasurement",
        "pricingplanmanager",
        "resiliencehubv2",
        "sagemakerinferencerouterruntime",
        "sagemakerjobruntime",
        "sagemakertrainingsessionruntime",
        "supportauthz",
    }
)
"""Those that botocore has got since 1.43.0, the oldest that stepstack takes."""

WITHDRAWN_ACTIONS: Final[Mapping[str, str]] = {
    "alexaforbusiness": (
        "approveSkill associateContactWithAddressBook associateDeviceWithNetworkProfile associateDeviceWithRoom "
        "associateSkillGroupWithRoom associateSkillWithSkillGroup associateSkillWithUsers createAddressBook createBusinessReportSchedule "
        "createConferenceProvider createContact createGatewayGroup createNetworkProfile createProfile createRoom createSkillGroup "
        "createUser deleteAddressBook deleteBusinessReportSchedule deleteConferenceProvider deleteContact deleteDevice "
        "deleteDeviceUsageData deleteGatewayGroup deleteNetworkProfile deleteProfile deleteRoom deleteRoomSkillParameter "
        "deleteSkillAuthorization deleteSkillGroup deleteUser disassociateContactFromAddressBook disassociateDeviceFromRoom "
        "disassociateSkillFromSkillGroup disassociateSkillFromUsers disassociateSkillGroupFromRoom forgetSmartHomeAppliances "
        "getAddressBook getConferencePreference getConferenceProvider getContact getDevice getGateway getGatewayGroup "
        "getInvitationConfiguration getNetworkProfile getProfile getRoom getRoomSkillParameter getSkillGroup listBusinessReportSchedules "
        "listConferenceProviders listDeviceEvents listGatewayGroups listGateways listSkills listSkillsStoreCategories "
        "listSkillsStoreSkillsByCategory listSmartHomeAppliances listTags putConferencePreference putInvitationConfiguration "
        "putRoomSkillParameter putSkillAuthorization registerAVSDevice rejectSkill resolveRoom revokeInvitation searchAddressBooks "
        "searchContacts searchDevices searchNetworkProfiles searchProfiles searchRooms searchSkillGroups searchUsers sendAnnouncement "
        "sendInvitation startDeviceSync startSmartHomeApplianceDiscovery tagResource untagResource updateAddressBook "
        "updateBusinessReportSchedule updateConferenceProvider updateContact updateDevice updateGateway updateGatewayGroup "
        "updateNetworkProfile updateProfile updateRoom updateSkillGroup"
    ),
    "apptest": (
        "createTestCase createTestConfiguration createTestSuite deleteTestCase deleteTestConfiguration deleteTestRun deleteTestSuite "
        "getTestCase getTestConfiguration getTestRunStep getTestSuite listTagsForResource listTestCases listTestConfigurations "
        "listTestRunSteps listTestRunTestCases listTestRuns listTestSuites startTestRun tagResource untagResource updateTestCase "
        "updateTestConfiguration updateTestSuite"
    ),
    "backupstorage": "deleteObject getChunk getObjectMetadata listChunks listObjects notifyObjectComplete putChunk putObject startObject",
    "chime": (
        "associatePhoneNumbersWithVoiceConnector associatePhoneNumbersWithVoiceConnectorGroup batchCreateAttendee "
        "batchCreateChannelMembership createAppInstance createAppInstanceAdmin createAppInstanceUser createAttendee createChannel "
        "createChannelBan createChannelMembership createChannelModerator createMediaCapturePipeline createMeeting "
        "createMeetingWithAttendees createProxySession createSipMediaApplication createSipMediaApplicationCall createSipRule "
        "createVoiceConnector createVoiceConnectorGroup deleteAppInstance deleteAppInstanceAdmin deleteAppInstanceStreamingConfigurations "
        "deleteAppInstanceUser deleteAttendee deleteChannel deleteChannelBan deleteChannelMembership deleteChannelMessage "
        "deleteChannelModerator deleteMediaCapturePipeline deleteMeeting deleteProxySession deleteSipMediaApplication deleteSipRule "
        "deleteVoiceConnector deleteVoiceConnectorEmergencyCallingConfiguration deleteVoiceConnectorGroup deleteVoiceConnectorOrigination "
        "deleteVoiceConnectorProxy deleteVoiceConnectorStreamingConfiguration deleteVoiceConnectorTermination "
        "deleteVoiceConnectorTerminationCredentials describeAppInstance describeAppInstanceAdmin describeAppInstanceUser describeChannel "
        "describeChannelBan describeChannelMembership describeChannelMembershipForAppInstanceUser "
        "describeChannelModeratedByAppInstanceUser describeChannelModerator disassociatePhoneNumbersFromVoiceConnector "
        "disassociatePhoneNumbersFromVoiceConnectorGroup getAppInstanceRetentionSettings getAppInstanceStreamingConfigurations "
        "getAttendee getChannelMessage getMediaCapturePipeline getMeeting getMessagingSessionEndpoint getProxySession "
        "getSipMediaApplication getSipMediaApplicationLoggingConfiguration getSipRule getVoiceConnector "
        "getVoiceConnectorEmergencyCallingConfiguration getVoiceConnectorGroup getVoiceConnectorLoggingConfiguration "
        "getVoiceConnectorOrigination getVoiceConnectorProxy getVoiceConnectorStreamingConfiguration getVoiceConnectorTermination "
        "getVoiceConnectorTerminationHealth listAppInstanceAdmins listAppInstanceUsers listAppInstances listAttendeeTags listAttendees "
        "listChannelBans listChannelMemberships listChannelMembershipsForAppInstanceUser listChannelMessages listChannelModerators "
        "listChannels listChannelsModeratedByAppInstanceUser listMediaCapturePipelines listMeetingTags listMeetings listProxySessions "
        "listSipMediaApplications listSipRules listTagsForResource listVoiceConnectorGroups listVoiceConnectorTerminationCredentials "
        "listVoiceConnectors putAppInstanceRetentionSettings putAppInstanceStreamingConfigurations "
        "putSipMediaApplicationLoggingConfiguration putVoiceConnectorEmergencyCallingConfiguration putVoiceConnectorLoggingConfiguration "
        "putVoiceConnectorOrigination putVoiceConnectorProxy putVoiceConnectorStreamingConfiguration putVoiceConnectorTermination "
        "putVoiceConnectorTerminationCredentials redactChannelMessage sendChannelMessage startMeetingTranscription "
        "stopMeetingTranscription tagAttendee tagMeeting tagResource untagAttendee untagMeeting untagResource updateAppInstance "
        "updateAppInstanceUser updateChannel updateChannelMessage updateChannelReadMarker updateProxySession updateSipMediaApplication "
        "updateSipMediaApplicationCall updateSipRule updateVoiceConnector updateVoiceConnectorGroup validateE911Address"
    ),
    "codestar": (
        "associateTeamMember createProject createUserProfile deleteProject deleteUserProfile describeProject describeUserProfile "
        "disassociateTeamMember listProjects listResources listTagsForProject listTeamMembers listUserProfiles tagProject untagProject "
        "updateProject updateTeamMember updateUserProfile"
    ),
    "datasync": (
        "addStorageSystem describeDiscoveryJob describeStorageSystem describeStorageSystemResourceMetrics describeStorageSystemResources "
        "generateRecommendations listDiscoveryJobs listStorageSystems removeStorageSystem startDiscoveryJob stopDiscoveryJob "
        "updateDiscoveryJob updateStorageSystem"
    ),
    "dsql": "createMultiRegionClusters deleteMultiRegionClusters",
    "elasticinference": (
        "describeAcceleratorOfferings describeAcceleratorTypes describeAccelerators listTagsForResource tagResource untagResource"
    ),
    "elastictranscoder": (
        "cancelJob createJob createPipeline createPreset deletePipeline deletePreset listJobsByPipeline listJobsByStatus listPipelines "
        "listPresets readJob readPipeline readPreset testRole updatePipeline updatePipelineNotifications updatePipelineStatus"
    ),
    "evidently": (
        "batchEvaluateFeature createExperiment createFeature createLaunch createProject createSegment deleteExperiment deleteFeature "
        "deleteLaunch deleteProject deleteSegment evaluateFeature getExperiment getExperimentResults getFeature getLaunch getProject "
        "getSegment listExperiments listFeatures listLaunches listProjects listSegmentReferences listSegments listTagsForResource "
        "putProjectEvents startExperiment startLaunch stopExperiment stopLaunch tagResource testSegmentPattern untagResource "
        "updateExperiment updateFeature updateLaunch updateProject updateProjectDataDelivery"
    ),
    "finspace": (
        "createEnvironment createKxChangeset createKxCluster createKxDatabase createKxDataview createKxEnvironment createKxScalingGroup "
        "createKxUser createKxVolume deleteEnvironment deleteKxCluster deleteKxClusterNode deleteKxDatabase deleteKxDataview "
        "deleteKxEnvironment deleteKxScalingGroup deleteKxUser deleteKxVolume getEnvironment getKxChangeset getKxCluster "
        "getKxConnectionString getKxDatabase getKxDataview getKxEnvironment getKxScalingGroup getKxUser getKxVolume listEnvironments "
        "listKxChangesets listKxClusterNodes listKxClusters listKxDatabases listKxDataviews listKxEnvironments listKxScalingGroups "
        "listKxUsers listKxVolumes listTagsForResource tagResource untagResource updateEnvironment updateKxClusterCodeConfiguration "
        "updateKxClusterDatabases updateKxDatabase updateKxDataview updateKxEnvironment updateKxEnvironmentNetwork updateKxUser "
        "updateKxVolume"
    ),
    "finspacedata": (
        "associateUserToPermissionGroup createChangeset createDataView createDataset createPermissionGroup createUser deleteDataset "
        "deletePermissionGroup disableUser disassociateUserFromPermissionGroup enableUser getChangeset getDataView getDataset "
        "getExternalDataViewAccessDetails getPermissionGroup getProgrammaticAccessCredentials getUser getWorkingLocation listChangesets "
        "listDataViews listDatasets listPermissionGroups listPermissionGroupsByUser listUsers listUsersByPermissionGroup "
        "resetUserPassword updateChangeset updateDataset updatePermissionGroup updateUser"
    ),
    "gamesparks": (
        "createGame createSnapshot createStage deleteGame deleteStage disconnectPlayer exportSnapshot getExtension getExtensionVersion "
        "getGame getGameConfiguration getGeneratedCodeJob getPlayerConnectionStatus getSnapshot getStage getStageDeployment "
        "importGameConfiguration listExtensionVersions listExtensions listGames listGeneratedCodeJobs listSnapshots listStageDeployments "
        "listStages listTagsForResource startGeneratedCodeJob startStageDeployment tagResource untagResource updateGame "
        "updateGameConfiguration updateSnapshot updateStage"
    ),
    "honeycode": (
        "batchCreateTableRows batchDeleteTableRows batchUpdateTableRows batchUpsertTableRows describeTableDataImportJob getScreenData "
        "invokeScreenAutomation listTableColumns listTableRows listTables listTagsForResource queryTableRows startTableDataImportJob "
        "tagResource untagResource"
    ),
    "iot1clickdevices": (
        "claimDevicesByClaimCode describeDevice finalizeDeviceClaim getDeviceMethods initiateDeviceClaim invokeDeviceMethod "
        "listDeviceEvents listDevices listTagsForResource tagResource unclaimDevice untagResource updateDeviceState"
    ),
    "iot1clickprojects": (
        "associateDeviceWithPlacement createPlacement createProject deletePlacement deleteProject describePlacement describeProject "
        "disassociateDeviceFromPlacement getDevicesInPlacement listPlacements listProjects listTagsForResource tagResource untagResource "
        "updatePlacement updateProject"
    ),
    "iotanalytics": (
        "batchPutMessage cancelPipelineReprocessing createChannel createDataset createDatasetContent createDatastore createPipeline "
        "deleteChannel deleteDataset deleteDatasetContent deleteDatastore deletePipeline describeChannel describeDataset "
        "describeDatastore describeLoggingOptions describePipeline getDatasetContent listChannels listDatasetContents listDatasets "
        "listDatastores listPipelines listTagsForResource putLoggingOptions runPipelineActivity sampleChannelData "
        "startPipelineReprocessing tagResource untagResource updateChannel updateDataset updateDatastore updatePipeline"
    ),
    "iotevents": (
        "createAlarmModel createDetectorModel createInput deleteAlarmModel deleteDetectorModel deleteInput describeAlarmModel "
        "describeDetectorModel describeDetectorModelAnalysis describeInput describeLoggingOptions getDetectorModelAnalysisResults "
        "listAlarmModelVersions listAlarmModels listDetectorModelVersions listDetectorModels listInputRoutings listInputs "
        "listTagsForResource putLoggingOptions startDetectorModelAnalysis tagResource untagResource updateAlarmModel updateDetectorModel "
        "updateInput"
    ),
    "ioteventsdata": (
        "batchAcknowledgeAlarm batchDeleteDetector batchDisableAlarm batchEnableAlarm batchPutMessage batchResetAlarm batchSnoozeAlarm "
        "batchUpdateDetector describeAlarm describeDetector listAlarms listDetectors"
    ),
    "iotfleethub": (
        "createApplication deleteApplication describeApplication listApplications listTagsForResource tagResource untagResource "
        "updateApplication"
    ),
    "iotroborunner": (
        "createDestination createSite createWorker createWorkerFleet deleteDestination deleteSite deleteWorker deleteWorkerFleet "
        "getDestination getSite getWorker getWorkerFleet listDestinations listSites listWorkerFleets listWorkers updateDestination "
        "updateSite updateWorker updateWorkerFleet"
    ),
    "lookoutmetrics": (
        "activateAnomalyDetector backTestAnomalyDetector createAlert createAnomalyDetector createMetricSet deactivateAnomalyDetector "
        "deleteAlert deleteAnomalyDetector describeAlert describeAnomalyDetectionExecutions describeAnomalyDetector describeMetricSet "
        "detectMetricSetConfig getAnomalyGroup getDataQualityMetrics getFeedback getSampleData listAlerts listAnomalyDetectors "
        "listAnomalyGroupRelatedMetrics listAnomalyGroupSummaries listAnomalyGroupTimeSeries listMetricSets listTagsForResource "
        "putFeedback tagResource untagResource updateAlert updateAnomalyDetector updateMetricSet"
    ),
    "lookoutvision": (
        "createDataset createModel createProject deleteDataset deleteModel deleteProject describeDataset describeModel "
        "describeModelPackagingJob describeProject detectAnomalies listDatasetEntries listModelPackagingJobs listModels listProjects "
        "listTagsForResource startModel startModelPackagingJob stopModel tagResource untagResource updateDatasetEntries"
    ),
    "macie": (
        "associateMemberAccount associateS3Resources disassociateMemberAccount disassociateS3Resources listMemberAccounts listS3Resources "
        "updateS3Resources"
    ),
    "mobile": (
        "createProject deleteProject describeBundle describeProject exportBundle exportProject listBundles listProjects updateProject"
    ),
    "networkfirewall": (
        "attachRuleGroupsToProxyConfiguration createProxy createProxyConfiguration createProxyRuleGroup createProxyRules "
        "deleteProxyConfiguration deleteProxyRuleGroup deleteProxyRules describeProxyConfiguration describeProxyRule "
        "describeProxyRuleGroup detachRuleGroupsFromProxyConfiguration listProxies listProxyConfigurations listProxyRuleGroups "
        "updateProxy updateProxyConfiguration updateProxyRule updateProxyRuleGroupPriorities updateProxyRulePriorities"
    ),
    "nimble": (
        "acceptEulas createLaunchProfile createStreamingImage createStreamingSession createStreamingSessionStream createStudio "
        "createStudioComponent deleteLaunchProfile deleteLaunchProfileMember deleteStreamingImage deleteStreamingSession deleteStudio "
        "deleteStudioComponent deleteStudioMember getEula getLaunchProfile getLaunchProfileDetails getLaunchProfileInitialization "
        "getLaunchProfileMember getStreamingImage getStreamingSession getStreamingSessionBackup getStreamingSessionStream getStudio "
        "getStudioComponent getStudioMember listEulaAcceptances listEulas listLaunchProfileMembers listLaunchProfiles listStreamingImages "
        "listStreamingSessionBackups listStreamingSessions listStudioComponents listStudioMembers listStudios listTagsForResource "
        "putLaunchProfileMembers putStudioMembers startStreamingSession startStudioSSOConfigurationRepair stopStreamingSession "
        "tagResource untagResource updateLaunchProfile updateLaunchProfileMember updateStreamingImage updateStudio updateStudioComponent"
    ),
    "opsworks": (
        "assignInstance assignVolume associateElasticIp attachElasticLoadBalancer cloneStack createApp createDeployment createInstance "
        "createLayer createStack createUserProfile deleteApp deleteInstance deleteLayer deleteStack deleteUserProfile "
        "deregisterEcsCluster deregisterElasticIp deregisterInstance deregisterRdsDbInstance deregisterVolume describeAgentVersions "
        "describeApps describeCommands describeDeployments describeEcsClusters describeElasticIps describeElasticLoadBalancers "
        "describeInstances describeLayers describeLoadBasedAutoScaling describeMyUserProfile describeOperatingSystems describePermissions "
        "describeRaidArrays describeRdsDbInstances describeServiceErrors describeStackProvisioningParameters describeStackSummary "
        "describeStacks describeTimeBasedAutoScaling describeUserProfiles describeVolumes detachElasticLoadBalancer disassociateElasticIp "
        "getHostnameSuggestion grantAccess listTags rebootInstance registerEcsCluster registerElasticIp registerInstance "
        "registerRdsDbInstance registerVolume setLoadBasedAutoScaling setPermission setTimeBasedAutoScaling startInstance startStack "
        "stopInstance stopStack tagResource unassignInstance unassignVolume untagResource updateApp updateElasticIp updateInstance "
        "updateLayer updateMyUserProfile updateRdsDbInstance updateStack updateUserProfile updateVolume"
    ),
    "opsworkscm": (
        "associateNode createBackup createServer deleteBackup deleteServer describeAccountAttributes describeBackups describeEvents "
        "describeNodeAssociationStatus describeServers disassociateNode exportServerEngineAttribute listTagsForResource restoreServer "
        "startMaintenance tagResource untagResource updateServer updateServerEngineAttributes"
    ),
    "panorama": (
        "createApplicationInstance createJobForDevices createNodeFromTemplateJob createPackage createPackageImportJob deleteDevice "
        "deletePackage deregisterPackageVersion describeApplicationInstance describeApplicationInstanceDetails describeDevice "
        "describeDeviceJob describeNode describeNodeFromTemplateJob describePackage describePackageImportJob describePackageVersion "
        "listApplicationInstanceDependencies listApplicationInstanceNodeInstances listApplicationInstances listDevices listDevicesJobs "
        "listNodeFromTemplateJobs listNodes listPackageImportJobs listPackages listTagsForResource provisionDevice registerPackageVersion "
        "removeApplicationInstance signalApplicationInstanceNodeInstances tagResource untagResource updateDeviceMetadata"
    ),
    "privatenetworks": (
        "acknowledgeOrderReceipt activateDeviceIdentifier activateNetworkSite configureAccessPoint createNetwork createNetworkSite "
        "deactivateDeviceIdentifier deleteNetwork deleteNetworkSite getDeviceIdentifier getNetwork getNetworkResource getNetworkSite "
        "getOrder listDeviceIdentifiers listNetworkResources listNetworkSites listNetworks listOrders listTagsForResource ping "
        "startNetworkResourceUpdate tagResource untagResource updateNetworkSite updateNetworkSitePlan"
    ),
    "qldb": (
        "cancelJournalKinesisStream createLedger deleteLedger describeJournalKinesisStream describeJournalS3Export describeLedger "
        "exportJournalToS3 getBlock getDigest getRevision listJournalKinesisStreamsForLedger listJournalS3Exports "
        "listJournalS3ExportsForLedger listLedgers listTagsForResource streamJournalToKinesis tagResource untagResource updateLedger "
        "updateLedgerPermissionsMode"
    ),
    "qldbsession": "sendCommand",
    "rds": (
        "createCustomAvailabilityZone deleteCustomAvailabilityZone deleteInstallationMedia describeCustomAvailabilityZones "
        "describeInstallationMedia importInstallationMedia"
    ),
    "robomaker": (
        "batchDeleteWorlds batchDescribeSimulationJob cancelDeploymentJob cancelSimulationJob cancelSimulationJobBatch "
        "cancelWorldExportJob cancelWorldGenerationJob createDeploymentJob createFleet createRobot createRobotApplication "
        "createRobotApplicationVersion createSimulationApplication createSimulationApplicationVersion createSimulationJob "
        "createWorldExportJob createWorldGenerationJob createWorldTemplate deleteFleet deleteRobot deleteRobotApplication "
        "deleteSimulationApplication deleteWorldTemplate deregisterRobot describeDeploymentJob describeFleet describeRobot "
        "describeRobotApplication describeSimulationApplication describeSimulationJob describeSimulationJobBatch describeWorld "
        "describeWorldExportJob describeWorldGenerationJob describeWorldTemplate getWorldTemplateBody listDeploymentJobs listFleets "
        "listRobotApplications listRobots listSimulationApplications listSimulationJobBatches listSimulationJobs listTagsForResource "
        "listWorldExportJobs listWorldGenerationJobs listWorldTemplates listWorlds registerRobot restartSimulationJob "
        "startSimulationJobBatch syncDeploymentJob tagResource untagResource updateRobotApplication updateSimulationApplication "
        "updateWorldTemplate"
    ),
    "securityhub": "connectorRegistrationsV2",
    "simspaceweaver": (
        "createSnapshot deleteApp deleteSimulation describeApp describeSimulation listApps listSimulations listTagsForResource startApp "
        "startClock startSimulation stopApp stopClock stopSimulation tagResource untagResource"
    ),
    "sms": (
        "createApp createReplicationJob deleteApp deleteAppLaunchConfiguration deleteAppReplicationConfiguration "
        "deleteAppValidationConfiguration deleteReplicationJob deleteServerCatalog disassociateConnector generateChangeSet "
        "generateTemplate getApp getAppLaunchConfiguration getAppReplicationConfiguration getAppValidationConfiguration "
        "getAppValidationOutput getConnectors getReplicationJobs getReplicationRuns getServers importAppCatalog importServerCatalog "
        "launchApp listApps notifyAppValidationOutput putAppLaunchConfiguration putAppReplicationConfiguration "
        "putAppValidationConfiguration startAppReplication startOnDemandAppReplication startOnDemandReplicationRun stopAppReplication "
        "terminateApp updateApp updateReplicationJob"
    ),
    "tnb": (
        "cancelSolNetworkOperation createSolFunctionPackage createSolNetworkInstance createSolNetworkPackage deleteSolFunctionPackage "
        "deleteSolNetworkInstance deleteSolNetworkPackage getSolFunctionInstance getSolFunctionPackage getSolFunctionPackageContent "
        "getSolFunctionPackageDescriptor getSolNetworkInstance getSolNetworkOperation getSolNetworkPackage getSolNetworkPackageContent "
        "getSolNetworkPackageDescriptor instantiateSolNetworkInstance listSolFunctionInstances listSolFunctionPackages "
        "listSolNetworkInstances listSolNetworkOperations listSolNetworkPackages listTagsForResource putSolFunctionPackageContent "
        "putSolNetworkPackageContent tagResource terminateSolNetworkInstance untagResource updateSolFunctionPackage "
        "updateSolNetworkInstance updateSolNetworkPackage validateSolFunctionPackageContent validateSolNetworkPackageContent"
    ),
    "worklink": (
        "associateDomain associateWebsiteAuthorizationProvider associateWebsiteCertificateAuthority createFleet deleteFleet "
        "describeAuditStreamConfiguration describeCompanyNetworkConfiguration describeDevice describeDevicePolicyConfiguration "
        "describeDomain describeFleetMetadata describeIdentityProviderConfiguration describeWebsiteCertificateAuthority "
        "disassociateDomain disassociateWebsiteAuthorizationProvider disassociateWebsiteCertificateAuthority listDevices listDomains "
        "listFleets listTagsForResource listWebsiteAuthorizationProviders listWebsiteCertificateAuthorities restoreDomainAccess "
        "revokeDomainAccess signOutUser tagResource untagResource updateAuditStreamConfiguration updateCompanyNetworkConfiguration "
        "updateDevicePolicyConfiguration updateDomainMetadata updateFleetMetadata updateIdentityProviderConfiguration"
    ),
}
"""The actions, parted by spaces, that botocore has dropped, by service; mostly the whole service is gone."""
