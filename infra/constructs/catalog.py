"""The Glue catalog and an Athena workgroup: SQL over the Delta tables of the lake."""

from aws_cdk import Aws
from aws_cdk import aws_athena as athena
from aws_cdk import aws_glue as glue
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra.addresses import Addresses
from infra.project import Table


class Catalog(Construct):
    """One database with an entry per table. Athena reads a Delta table's columns from its log."""

    def __init__(self, scope: Construct, id: str, addresses: Addresses, key: kms.IKey) -> None:
        super().__init__(scope, id)
        self._addresses = addresses
        self.name = addresses.prefix.replace("-", "_")
        self.database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=Aws.ACCOUNT_ID,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                name=self.name, description=f"The lake of {addresses.prefix}"
            ),
        )
        for table in addresses.deployment.tables:
            self._table(table)
        self._workgroup(key)

    def _table(self, table: Table) -> None:
        place = self._addresses.uri("lake", f"{table.folder}/")
        entry = glue.CfnTable(
            self,
            table.name,
            catalog_id=Aws.ACCOUNT_ID,
            database_name=self.name,
            table_input=glue.CfnTable.TableInputProperty(
                name=table.name,
                table_type="EXTERNAL_TABLE",
                # The form that Athena's guide gives for tables that others write: this provider, a
                # column that stands for all, and the path once more for the reader.
                parameters={"EXTERNAL": "TRUE", "spark.sql.sources.provider": "delta"},
                storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                    columns=[glue.CfnTable.ColumnProperty(name="col", type="array<string>")],
                    location=place,
                    serde_info=glue.CfnTable.SerdeInfoProperty(parameters={"path": place}),
                ),
            ),
        )
        entry.add_resource_dependency(self.database)

    def _workgroup(self, key: kms.IKey) -> None:
        encryption = athena.CfnWorkGroup.EncryptionConfigurationProperty(
            encryption_option="SSE_KMS", kms_key=key.key_arn
        )
        athena.CfnWorkGroup(
            self,
            "Workgroup",
            name=self._addresses.prefix,
            description=f"Questions about the lake of {self._addresses.prefix}",
            recursive_delete_option=True,
            work_group_configuration=athena.CfnWorkGroup.WorkGroupConfigurationProperty(
                enforce_work_group_configuration=True,
                publish_cloud_watch_metrics_enabled=True,
                bytes_scanned_cutoff_per_query=100 * 1024**3,
                result_configuration=athena.CfnWorkGroup.ResultConfigurationProperty(
                    output_location=self._addresses.uri("lake", "athena/"),
                    encryption_configuration=encryption,
                ),
            ),
        )
