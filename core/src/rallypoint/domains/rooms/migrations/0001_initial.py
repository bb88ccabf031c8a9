from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='Integration',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('room_id', fields.CharField(max_length=36)),
                ('service_name', fields.CharField(max_length=64)),
                ('target_id', fields.CharField(null=True, max_length=36)),
                ('api_key', fields.TextField(null=True, unique=False)),
                ('sync_enabled', fields.BooleanField()),
                ('created_at', fields.BigIntField()),
                ('updated_at', fields.BigIntField()),
            ],
            options={'table': 'room_integrations', 'app': 'rooms', 'unique_together': (('room_id', 'service_name'),), 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Participant',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('room_id', fields.CharField(max_length=36)),
                ('user_id', fields.CharField(max_length=36)),
                ('external_user_id', fields.CharField(null=True, max_length=200)),
                ('joined_at', fields.BigIntField()),
                ('left_at', fields.BigIntField(null=True)),
                ('is_active', fields.BooleanField()),
                ('camera_enabled', fields.BooleanField(default=False)),
                ('microphone_enabled', fields.BooleanField(default=False)),
                ('peer_id', fields.CharField(null=True, max_length=200)),
            ],
            options={'table': 'room_participants', 'app': 'rooms', 'indexes': [Index(fields=['room_id', 'is_active', 'user_id'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Room',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=36)),
                ('account_id', fields.CharField(max_length=36)),
                ('mode', fields.CharField(max_length=8)),
                ('audience', fields.CharField(max_length=36)),
                ('created_by', fields.CharField(max_length=36)),
                ('name', fields.CharField(max_length=200)),
                ('description', fields.TextField(default='', unique=False)),
                ('room_type', fields.CharField(max_length=16)),
                ('is_public', fields.BooleanField()),
                ('max_participants', fields.IntField()),
                ('current_participants', fields.IntField(default=0)),
                ('tags', fields.TextField(default='[]', unique=False)),
                ('scheduled_start', fields.BigIntField(null=True)),
                ('scheduled_end', fields.BigIntField(null=True)),
                ('status', fields.CharField(max_length=16)),
                ('is_live', fields.BooleanField()),
                ('webrtc_room_id', fields.CharField(max_length=64)),
                ('external_service_id', fields.CharField(null=True, max_length=200)),
                ('external_service_name', fields.CharField(null=True, max_length=64)),
                ('target_id', fields.CharField(null=True, max_length=36)),
                ('seq', fields.BigIntField(default=0)),
                ('next_at', fields.BigIntField(null=True)),
                ('created_at', fields.BigIntField()),
                ('updated_at', fields.BigIntField()),
            ],
            options={'table': 'rooms', 'app': 'rooms', 'unique_together': (('account_id', 'external_service_name', 'external_service_id'),), 'indexes': [Index(fields=['audience', 'is_live', 'id']), Index(fields=['audience', 'status', 'id']), Index(fields=['audience', 'room_type', 'is_live', 'id']), Index(fields=['next_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
    ]
